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
  reportHtml({ title: 'moby-1', runs: [{ name: 'moby-1', events, settings, samples, ...more }], references });
/** Three runs, the second 10 % above the first, the third twice as long. */
const several = () =>
  reportHtml({
    title: 'three',
    runs: [
      { name: 'first', events: fakeRun(100), settings, samples },
      { name: 'higher', events: higher(fakeRun(100)), settings: { ...settings, learningRate: 0.03 }, samples },
      { name: 'longer', events: fakeRun(200), settings: { ...settings, learningRate: 0.003 }, samples: [] },
    ],
    references,
  });
const higher = (events: readonly RunEvent[]) =>
  events.map((event) =>
    event.event === 'eval' || event.event === 'end'
      ? { ...event, validationLoss: event.validationLoss * 1.1 }
      : event.event === 'step'
        ? { ...event, loss: event.loss * 1.1 }
        : event,
  );

/** The JSON for the cursor: of all runs, and of the first. */
const allDataOf = (html: string) =>
  JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!).runs as Record<
    string,
    (number | null)[]
  >[];
const dataOf = (html: string) => allDataOf(html)[0]!;
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
      runs: [{ name: evil, events, settings: { [evil]: evil, list: [evil] }, samples: [{ step: 1, text: evil }] }],
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

describe('the report of several runs', () => {
  it('draws each in its own colour and dashes, thin for training and bold for validation, with its name at the end', () => {
    const html = several();
    for (const kind of ['average', 'validation', 'rate', 'norm'])
      for (const look of ['c0 d0', 'c1 d1', 'c2 d2']) expect(html).toContain(`<path class="${kind} ${look}" d="M`);
    expect(html).not.toContain('<path class="raw"');
    expect(html).toMatch(
      /<span class="end"[^>]*><svg class="swatch".*?<path class="validation c1 d1".*?higher <b>2.207/,
    );
    // The longer run ends at the right edge, the others half-way.
    expect(/L([\d.]+) [\d.]+$/.exec(path(html, 'average c2 d2'))![1]).toBe('1000');
    expect(Number(/L([\d.]+) [\d.]+$/.exec(path(html, 'average c0 d0'))![1])).toBeCloseTo(497.5, 1);
  });

  it('reads all runs with one cursor, and shows their last figures without a script', () => {
    const html = several();
    expect(allDataOf(html).map(({ step }) => step!.length)).toEqual([100, 100, 200]);
    const reading = /<table class="reading">.*?<\/table>/s.exec(html)![0];
    const rows = [...reading.matchAll(/<tr data-run.*?<\/tr>/gs)].map(([row]) => row.replace(/<[^>]+>/g, ' ').trim());
    expect(rows.map((row) => row.split(/\s+/))).toEqual([
      ['first', expect.any(String), '2.006', '0.01', '0.8', '3,050'],
      ['higher', expect.any(String), '2.207', '0.01', '0.8', '3,050'],
      ['longer', expect.any(String), '2.006', '0.01', '0.8', '3,050'],
    ]);
  });

  it('has a column a run in the figures, and the settings that differ before the common ones', () => {
    const html = several();
    expect(html).toContain('<th scope="row">validation loss</th><td><b>2.006</b></td><td>2.207</td><td>2.006</td>');
    expect(html).toContain('<th scope="row">learningRate</th><td>0.01</td><td>0.03</td><td>0.003</td>');
    expect(html).toMatch(/<details><summary>3 settings alike<\/summary>.*model\.nLayer.*<\/details>/s);
    expect(html.indexOf('learningRate')).toBeLessThan(html.indexOf('model.nLayer'));
    expect(html).toContain('Lowest validation loss: first with 2.006 at step 100; then longer 2.006, higher 2.207.');
    expect(html.match(/<details class="written"/g)).toHaveLength(2);
  });

  it('gives many runs looks of their own, and names them above the chart alone', () => {
    const runs = Array.from({ length: 12 }, (_, i) => ({
      name: `r${i}`,
      events: fakeRun(20),
      settings: {},
      samples: [],
    }));
    const html = reportHtml({ title: 'many', runs, references });
    const looks = new Set([...html.matchAll(/<path class="average (c\d d\d)"/g)].map(([, look]) => look));
    expect(looks.size).toBe(12);
    expect(html).not.toContain('<span class="end"');
  });

  it('stays small for long runs', () => {
    const runs = ['a', 'b', 'c'].map((name) => ({ name, events: fakeRun(20_000), settings: {}, samples: [] }));
    expect(reportHtml({ title: 'long', runs, references }).length).toBeLessThan(800_000);
  });
});

describe('averaged weights, spikes and warnings in the report', () => {
  const text = 'tokens 12,345: "<i>the whale"';
  const events = fakeRun(100).flatMap((event): RunEvent[] => {
    if (event.event === 'eval') return [{ ...event, emaValidationLoss: event.validationLoss - 0.05 }];
    if (event.event !== 'step' || event.step !== 55) return [event];
    return [
      { ...event, loss: 4 },
      { event: 'spike', step: 55, loss: 4, z: 9.13, skipped: true, text },
      { event: 'warning', step: 55, text: 'the batch is odd' },
    ];
  });

  it('are a further line, a tick on the curve and a tick on the axis', () => {
    const html = report(events);
    expect(path(html, 'averaged mark').match(/M/g)).toHaveLength(10);
    expect(html).toMatch(
      /<b class="spike "[^>]*title="step 55: spike to 4\.000, 9\.13 standard deviations up, step skipped: tokens 12,345: &quot;&lt;i&gt;the whale&quot;"/,
    );
    expect(html).toContain('title="step 55: warning: the batch is odd"');
    expect(dataOf(html).averagedLoss).toHaveLength(10);
    expect(dataOf(html).spikes![0]).toEqual([55, `spike to 4.000, 9.13 standard deviations up, step skipped: ${text}`]);
    expect(report()).not.toContain('class="averaged"');
  });
});
