// The report: one file that needs nothing from outside, shows what happened, and does not run what a model wrote.
import { describe, expect, it } from 'vitest';
import { reportHtml } from '../src/cli/report.ts';
import type { RunEvent } from '../src/train/events.ts';
import { fakeRun } from './cli_home.ts';

const references = [
  { label: 'guessing', value: 4.39 },
  { label: 'letter pairs', value: 2.41 },
];
const settings = { data: 'book.txt', model: { nLayer: 2, nHead: 2 }, learningRate: 0.01 };
const samples = [
  { step: 50, text: 'early text' },
  { step: 100, text: 'late text' },
];
const report = (events: readonly RunEvent[] = fakeRun(100), more = {}) =>
  reportHtml({ title: 'moby-1', events, settings, samples, references, ...more });

/** The JSON for the cursor. */
const dataOf = (html: string) =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!) as Record<
    string,
    (number | null)[]
  >;
/** y coordinates of the path of a class. */
const path = (html: string, kind: string) => new RegExp(`<path class="${kind}" d="([^"]*)"`).exec(html)![1]!;

describe('the report', () => {
  it('has figures, settings, samples, references in words and the table twin', () => {
    const html = report();
    for (const part of [
      '<title>moby-1</title>',
      '28,416',
      '<th scope="row">model.nLayer</th><td>2</td>',
      'early text',
      'late text',
      'guessing 4.39',
      'letter pairs 2.41',
      'ab12ab12',
      'validation loss of 2.006 nats a token after 100 steps',
      'better than letter pairs (2.41)',
      'saved runs/moby-1/step-50',
    ]) {
      expect(html).toContain(part);
    }
    const rows = /<table class="numbers">.*?<\/table>/s.exec(html)![0].match(/<tr>/g)!;
    expect(rows).toHaveLength(1 + 11); // the head, the first step, and ten evaluations
  });

  it('asks nobody for anything', () => {
    const html = report();
    expect(html).not.toMatch(/https?:|\/\/[a-z]/i);
    expect(html).not.toMatch(/<(link|script|img|iframe|object)[^>]*\s(src|href)="(?!data:,")/);
    expect(html).not.toMatch(/url\(|@import|fetch\(|XMLHttpRequest|import\(/);
    expect(html).toContain("default-src 'none'");
  });

  it('runs nothing that a model, a setting or a path says', () => {
    const evil = `<script>alert(1)</script><img src=x onerror="alert(2)">'"&\x1b[31m`;
    const events: RunEvent[] = [...fakeRun(10), { event: 'save', step: 10, path: evil }];
    const start = events[0]!;
    if (start.event === 'start') Object.assign(start, { dataset: evil, adapter: evil });
    const html = reportHtml({
      title: evil,
      events,
      settings: { [evil]: evil, list: [evil] },
      samples: [{ step: 1, text: evil }],
      references: [{ label: evil, value: 2.5 }],
      unit: evil,
    });
    expect(html).not.toContain('<script>alert');
    expect(html).not.toContain('<img');
    expect(html).not.toContain('\x1b');
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    // the quotes do not end an attribute
    expect(html).not.toMatch(/onerror="alert/);
  });

  it('draws the training loss solid, and the validation loss dashed with a round mark an evaluation', () => {
    const html = report();
    expect(html).toMatch(/\.validation \{[^}]*stroke-dasharray: 6 4/);
    expect(path(html, 'validation mark').match(/M/g)).toHaveLength(10);
    const first = /^M([\d.]+) ([\d.]+)/.exec(path(html, 'average'))!;
    const last = /L([\d.]+) ([\d.]+)$/.exec(path(html, 'average'))!;
    expect([Number(first[1]), Number(last[1])]).toEqual([0, 1000]);
    expect(Number(first[2])).toBeLessThan(200); // high up at first
    expect(Number(last[2])).toBeGreaterThan(800);
  });

  it('leaves room for a run that is not done', () => {
    const last = /L([\d.]+) [\d.]+$/.exec(path(report(fakeRun(100), { totalSteps: 199 }), 'average'))!;
    expect(Number(last[1])).toBe(500);
  });

  it('breaks the line at a loss that is not a number, and says where', () => {
    const events = fakeRun(100).map((event) =>
      event.event === 'step' && event.step === 40 ? { ...event, loss: Number.NaN } : event,
    );
    for (const read of [events, JSON.parse(JSON.stringify(events)) as RunEvent[]]) {
      const html = report(read);
      expect(path(html, 'average').match(/M/g)).toHaveLength(2);
      expect(html).toContain('1 steps without a finite loss, first 40');
      expect(dataOf(html).loss![39]).toBeNull();
    }
  });

  it('hands the cursor the numbers of each step', () => {
    const data = dataOf(report());
    expect(data.step).toHaveLength(100);
    expect(data.evalStep).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
    expect(data.rate![0]).toBe(0.01);
  });

  it('stays small for a long run', () => {
    expect(report(fakeRun(50_000)).length).toBeLessThan(600_000);
  });

  it('marks where a run was resumed', () => {
    const events = fakeRun(100);
    events.splice(
      events.findIndex((event) => event.event === 'step' && event.step === 61),
      0,
      events[0]!,
    );
    expect(report(events)).toContain('title="step 61: resumed"');
  });

  it('takes a run without events, with one step, and with no finite loss', () => {
    expect(report([])).toContain('No step has been taken yet');
    const one = fakeRun(10).slice(0, 2);
    expect(report(one)).toContain('class="plot loss"');
    const broken = one.map((event) => (event.event === 'step' ? { ...event, loss: Number.NaN } : event));
    for (const html of [report(one), report(broken)])
      expect(html.split('<script')[0]).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('cuts a sample that is no reading any more', () => {
    expect(report(fakeRun(10), { samples: [{ step: 1, text: 'x'.repeat(1_000_000) }] }).length).toBeLessThan(150_000);
  });
});
