// What reaches the terminal, the pipe and the log: pure JSON, harmless text, readers that go away, signals, progress, the plot.
import { describe, expect, it } from 'vitest';
import { debiasedAverage, thinned, ticks } from '../src/cli/curve.ts';
import { byteText, clockText, shortNumber } from '../src/cli/format.ts';
import { Output } from '../src/cli/output.ts';
import { plotLoss } from '../src/cli/plot.ts';
import { bar, Progress } from '../src/cli/progress.ts';
import { RunShow } from '../src/cli/show.ts';
import { unicode } from '../src/cli/terminal.ts';
import { grouped } from '../src/data/counted.ts';
import { printable } from '../src/data/printable.ts';
import type { RunEvent } from '../src/train/events.ts';
import { FakeStream, fakeHome, fakeRun, pretrain, shaderformer } from './cli_home.ts';

const references = [
  { label: 'guessing', value: 4.39 },
  { label: 'letter pairs', value: 2.41 },
];

/** A `pretrain` that only tells the events of a run that went well. */
const training = (events: readonly RunEvent[]) =>
  pretrain(async ({ out }) => {
    out.note('running on SwiftShader');
    const show = new RunShow(out, { totalSteps: 100, references });
    for (let i = 1; i <= 23; i++) show.phase('compiling kernel', i, 23);
    for (const event of events) show.event(event);
    out.print('a result for people');
    out.stream('model text');
    show.end();
    return 0;
  });

describe('--json', () => {
  it('puts the events on standard output, one a line, and nothing else', async () => {
    const events = fakeRun(100);
    for (const more of [[], ['--quiet']]) {
      const { code, stdout, stderr } = await shaderformer(['pretrain', '--json', ...more], [training(events)]);
      expect(code).toBe(0);
      expect(
        stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual(events);
      if (more.length) expect(stderr).toBe('');
      else expect(stderr).toContain('running on SwiftShader');
    }
  });

  it('stays pure on a terminal', async () => {
    const home = fakeHome();
    home.stdout.isTTY = home.stderr.isTTY = true;
    const { stdout } = await shaderformer(['pretrain', '--json'], [training(fakeRun(30))], home);
    for (const line of stdout.trimEnd().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
  });

  it('writes null for a loss that is not a number', () => {
    const [stdout, stderr] = [new FakeStream(), new FakeStream()];
    new Output({ stdout, stderr, json: true }).emit({ loss: Number.NaN, norm: Number.POSITIVE_INFINITY });
    expect(stdout.text).toBe('{"loss":null,"norm":null}\n');
  });
});

describe('text for people', () => {
  it('tells spikes, warnings and the averaged weights in a line each, the first two even with --quiet', async () => {
    const events: RunEvent[] = [
      { event: 'warning', step: 1, text: 'the first loss is far from guessing' },
      { event: 'spike', step: 60, loss: 5.2, z: 9.13, skipped: true, text: 'tokens 12,345: "the\x1b whale' },
      { event: 'eval', step: 70, trainLoss: 2, validationLoss: 2.1, emaValidationLoss: 2.05 },
    ];
    const { stdout, stderr } = await shaderformer(['pretrain'], [training(events)]);
    const warnings = [
      'warning: step 1: the first loss is far from guessing\n',
      'warning: step 60: loss 5.200, 9.13 standard deviations above the steps before; the step was skipped: tokens 12,345: "the\u241b whale\n',
    ];
    for (const line of warnings) expect(stderr).toContain(line);
    expect(stdout).toContain('step  70  train 2.000  validation 2.100  averaged weights 2.050  now below');
    expect((await shaderformer(['pretrain', '--quiet'], [training(events)])).stderr).toBe(warnings.join(''));
  });

  it('tells the run: header, first loss, evaluations, samples, saves, the curve, the result', async () => {
    const { stdout, stderr } = await shaderformer(['pretrain'], [training(fakeRun(100))]);
    for (const part of [
      '28,416 parameters',
      'first loss',
      'guessing is 4.390',
      'validation 3.372',
      'text of step 50',
      'saved runs/moby-1/step-50',
    ]) {
      expect(stdout).toContain(part);
    }
    expect(stdout).toContain('now below "letter pairs" (2.41)');
    expect(stdout.match(/now below "letter pairs"/g)).toHaveLength(1);
    expect(stdout).toContain('validation loss 2.006 after 100 steps');
    expect(stdout).not.toContain('\x1b');
    expect(stdout).not.toContain('"event"');
    expect(stderr).toContain('compiling kernel 23 of 23\n');
  });

  it('is only the result with --quiet', async () => {
    const { stdout, stderr } = await shaderformer(['pretrain', '--quiet'], [training(fakeRun(100))]);
    expect(stderr).toBe('');
    expect(stdout).toContain('validation loss 2.006');
    expect(stdout).not.toContain('first loss');
  });

  it('has colours on a terminal, and none with NO_COLOR or TERM=dumb', async () => {
    for (const [env, coloured] of [
      [{ TERM: 'xterm' }, true],
      [{ TERM: 'xterm', NO_COLOR: '1' }, false],
      [{ TERM: 'dumb' }, false],
    ] as const) {
      const home = fakeHome(env);
      home.stdout.isTTY = true;
      const { stdout } = await shaderformer(['pretrain'], [training(fakeRun(20))], home);
      expect(stdout.includes('\x1b[')).toBe(coloured);
    }
  });

  it('shows control codes and reordering marks of a model as symbols', () => {
    expect(printable('a\x1b[31mred\x07\x00\x7f')).toBe('a␛[31mred␇␀␡');
    expect(printable('\x9b31m')).toBe('<9b>31m');
    expect(printable('\u202eevil\u2066')).toBe('<202e>evil<2066>');
    expect(printable('\ud800 half, whole: 🐋')).toBe('\ufffd half, whole: 🐋');
    expect(printable('two\r\nlines\tand\rback')).toBe('two\nlines\tand␍back');
    expect(printable('two\nlines', true)).toBe('two␊lines');
  });

  it('streams a character that arrives in halves', () => {
    const [stdout, stderr] = [new FakeStream(), new FakeStream()];
    const out = new Output({ stdout, stderr });
    for (const half of '🐋'.split('')) out.stream(half);
    out.stream('\x1b]0;title\x07');
    expect(stdout.text).toBe('🐋␛]0;title␇');
  });

  it('counts on UTF-8 unless the locale or the console says otherwise', () => {
    expect(unicode({ LANG: 'en_US.UTF-8' })).toBe(true);
    expect(unicode({ LANG: 'en_US.UTF-8', LC_ALL: 'C' })).toBe(false);
    expect(unicode({})).toBe(true);
    expect(unicode({ TERM: 'linux' })).toBe(false);
  });
});

describe('a reader that goes away', () => {
  it('does not end the run', async () => {
    const home = fakeHome();
    home.stdout.break('EPIPE');
    let closed = false;
    const command = pretrain(async ({ out }) => {
      for (let i = 0; i < 3; i++) {
        out.print(`line ${i}`);
        await Promise.resolve();
      }
      closed = out.stdoutClosed;
      return 0;
    });
    const { code, stderr } = await shaderformer(['pretrain'], [command], home);
    expect({ code, stderr, closed }).toEqual({ code: 0, stderr: '', closed: true });
  });

  it('is told apart from a full disk, which is said once', async () => {
    const home = fakeHome();
    home.stdout.break('ENOSPC');
    const run = { ...training(fakeRun(20)), stopsAtSignal: true };
    const { code, stderr } = await shaderformer(['pretrain', '--quiet'], [run], home);
    expect(code).toBe(0);
    expect(stderr).toBe('warning: standard output: cannot be written (ENOSPC). Nothing more is printed there\n');
  });
});

describe('what cannot be printed', () => {
  const printing = pretrain(async ({ out }) => {
    out.print('the answer');
    return 0;
  });

  it.each([
    ['ENOSPC', 1],
    ['EPIPE', 0],
  ])('%s ends a command that only prints with %i', async (error, code) => {
    const home = fakeHome();
    home.stdout.break(error);
    expect((await shaderformer(['pretrain'], [printing], home)).code).toBe(code);
  });
});

describe('signals', () => {
  const waiting = pretrain(
    async ({ signal }) => {
      await signal.whenRequested;
      return 0;
    },
    { stopsAtSignal: true },
  );

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s asks, and the program ends with %i', async (name, code) => {
    const home = fakeHome();
    const ended = shaderformer(['pretrain'], [waiting], home);
    home.signals.emit(name);
    expect((await ended).code).toBe(code);
    expect(home.left).toEqual([]);
    expect(home.signals.listenerCount(name)).toBe(0);
  });

  it('says that the state is saved only where it will be', async () => {
    for (const savesNothingWith of ['quiet', 'debug']) {
      const home = fakeHome();
      const run = async ({ signal }: { signal: { whenRequested: Promise<void> } }) => {
        await signal.whenRequested;
        return 0;
      };
      const ended = shaderformer(
        ['pretrain', '--debug'],
        [pretrain(run, { stopsAtSignal: true, savesNothingWith })],
        home,
      );
      home.signals.emit('SIGINT');
      await ended;
      expect(home.stderr.text.includes('the state is saved')).toBe(savesNothingWith === 'quiet');
    }
  });

  it('leaves at once at the second, but not at the copy that npm passes on', async () => {
    const home = fakeHome();
    const deaf = pretrain(() => new Promise<number>(() => {}), { stopsAtSignal: true });
    void shaderformer(['pretrain'], [deaf], home);
    home.signals.emit('SIGINT');
    home.clock = 20;
    home.signals.emit('SIGINT');
    expect(home.left).toEqual([]);
    home.clock = 900;
    home.signals.emit('SIGINT');
    expect(home.left).toEqual([130]);
    expect(home.stderr.text.match(/stopping/g)).toHaveLength(1);
  });

  it('leaves at once where a command has nothing to save', () => {
    const home = fakeHome();
    void shaderformer(['pretrain'], [pretrain(() => new Promise<number>(() => {}))], home);
    home.signals.emit('SIGTERM');
    expect(home.left).toEqual([143]);
  });
});

describe('progress', () => {
  const on = (columns: number, isTTY = true) => {
    const clock = { now: 0 };
    const [stdout, stderr] = [new FakeStream(), new FakeStream()];
    Object.assign(stderr, { isTTY, columns });
    const out = new Output({ stdout, stderr, env: { LANG: 'C.UTF-8', NO_COLOR: '1' } });
    return { clock, stdout, stderr, out, progress: new Progress(out, 2000, () => clock.now) };
  };
  const step = (n: number) => ({ step: n, loss: 2.383, tokensPerSecond: 3050 });

  it('shows step, loss, speed and time left', () => {
    const { clock, progress } = on(80);
    for (let n = 1; n <= 401; n++, clock.now += 80) progress.update(step(n));
    progress.validation(2.412);
    expect(progress.line(79)).toBe('step 401/2,000  ██░░░░░░░░  loss 2.383  val 2.412  3,050 tok/s  left 2:08');
  });

  it('never fills a line, at any width', () => {
    for (let columns = 20; columns < 130; columns++) {
      const { clock, progress, out } = on(columns);
      for (let n = 1; n <= 40; n++, clock.now += 80) progress.update(step(n));
      progress.validation(2.4);
      const line = progress.line(out.statusWidth - 1);
      expect(line.length).toBeLessThan(columns);
      expect(line).toContain('40/2,000');
    }
  });

  it('takes its speed from the last updates only', () => {
    const { clock, progress } = on(80);
    for (let n = 1; n <= 1000; n++) {
      progress.update(step(n));
      clock.now += n < 900 ? 1000 : 100;
    }
    expect(progress.secondsLeft).toBeCloseTo(100, 0);
  });

  it('is not misled by steps that arrive in bursts', () => {
    const { clock, progress } = on(80);
    for (let n = 1; n <= 1000; n++) {
      progress.update(step(n));
      if (n % 10 === 0) clock.now += 1000;
    }
    expect(progress.secondsLeft).toBeCloseTo(100, -1);
  });

  it('spreads pauses for evaluation over the steps that are left', () => {
    const { clock, progress } = on(80);
    for (let n = 1; n <= 1000; n++) {
      progress.update(step(n));
      if (n % 100 === 0) {
        clock.now += 5000;
        progress.pause();
      }
      clock.now += 100;
    }
    expect(progress.secondsLeft).toBeGreaterThan(145);
    expect(progress.secondsLeft).toBeLessThan(155);
  });

  it('redraws at most ten times a second on a terminal, and clears before a log line', () => {
    const { clock, progress, stderr, out } = on(80);
    for (let n = 1; n <= 1000; n++, clock.now += 1) progress.update(step(n));
    const drawn = stderr.text.split('\r\x1b[K').length - 1;
    expect(drawn).toBeGreaterThan(5);
    expect(drawn).toBeLessThanOrEqual(11);
    stderr.text = '';
    out.note('a note');
    expect(stderr.text).toMatch(/^\r\x1b\[Ka note\nstep 9\d\d/);
    progress.end();
    expect(stderr.text.endsWith('\r\x1b[K')).toBe(true);
  });

  it('prints a line every few seconds where there is no terminal', () => {
    const { clock, progress, stderr } = on(80, false);
    for (let n = 1; n <= 200; n++, clock.now += 100) progress.update(step(n));
    const lines = stderr.text.trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toContain('step 1/2,000');
    expect(stderr.text).not.toContain('\x1b');
  });

  it('shows no bar and no time left while no end is planned', () => {
    const { clock, progress } = on(80);
    progress.totalSteps = 0;
    for (let n = 1; n <= 40; n++, clock.now += 80) progress.update(step(n));
    expect(progress.line(79)).toBe('step 40  loss 2.383  3,050 tok/s');
    progress.totalSteps = 80;
    expect(progress.line(79)).toContain('step 40/80  █████');
  });

  it('names phases', () => {
    const { progress, stderr } = on(80, false);
    progress.phase('tokenising', 0.4);
    for (let i = 1; i <= 23; i++) progress.phase('compiling kernel', i, 23);
    expect(stderr.text).toBe('tokenising 40 %\ncompiling kernel 1 of 23\ncompiling kernel 23 of 23\n');
    progress.update(step(1));
    for (let i = 0; i < 9; i++) progress.phase('validating');
    expect(stderr.text).not.toContain('validating');
  });

  it('draws a bar in eighths, or in ASCII', () => {
    expect(bar(0.5, 10, false)).toBe('=====-----');
    expect(bar(0.55, 10, true)).toBe('█████▌░░░░');
    expect([bar(0, 10, true), bar(1, 10, true)]).toEqual(['░░░░░░░░░░', '██████████']);
  });
});

describe('the plot', () => {
  const events = fakeRun(500);
  const train = events.flatMap((e) => (e.event === 'step' ? [{ step: e.step, value: e.loss }] : []));
  const validation = events.flatMap((e) => (e.event === 'eval' ? [{ step: e.step, value: e.validationLoss }] : []));

  it.each([20, 80, 200])('fits %i columns, with numbers, words and both lines', (width) => {
    for (const unicode of [true, false]) {
      const text = plotLoss({ train, validation, references, width, unicode });
      const lines = text.split('\n');
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
      expect(Math.max(...lines.map((line) => [...line].length))).toBeGreaterThan(width - 2);
      expect(text).toContain('guessing 4.39');
      expect(text).toContain('letter pairs 2.41');
      expect(text).toMatch(/^ *4[┤+]/m);
      expect(text).toMatch(/step 1 .*500$/m);
      expect(text).toContain(unicode ? '●' : 'o');
      if (unicode) expect(text).toMatch(/[\u2801-\u28ff]/);
      else expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    }
  });

  it('falls from the upper left to the lower right', () => {
    const rows = plotLoss({ train, validation: [], width: 80, unicode: false }).split('\n').slice(1, -2);
    const columns = rows.map((row) => row.indexOf('*'));
    expect(columns[0]).toBeLessThan(6);
    expect(rows.at(-1)!.lastIndexOf('*')).toBeGreaterThan(70);
  });

  it('leaves room for a run that is not done', () => {
    const rows = plotLoss({ train, validation: [], width: 80, unicode: false, lastStep: 1000 })
      .split('\n')
      .slice(1, -2);
    expect(Math.max(...rows.map((row) => row.lastIndexOf('*')))).toBeLessThan(45);
  });

  it('marks what is not a number and does not bridge it', () => {
    const broken = train.map((point) =>
      point.step > 200 && point.step < 300 ? { ...point, value: Number.NaN } : point,
    );
    const rows = plotLoss({ train: broken, validation: [], width: 80, unicode: false }).split('\n').slice(1, -2);
    expect(rows[0]).toContain('xxxx');
    for (const row of rows.slice(1)) expect(row.slice(36, 45).trim()).toBe('');
  });

  it('tells a reference in words that would flatten the curve', () => {
    const late = train.filter(({ step }) => step > 400);
    expect(plotLoss({ train: late, validation: [], references, width: 80 })).toContain(
      'outside the chart: guessing 4.390',
    );
  });

  it('takes no points, one point, and points that are all equal or all broken', () => {
    expect(plotLoss({ train: [], validation: [], width: 80 })).toBe('no loss to draw yet');
    expect(plotLoss({ train: [{ step: 1, value: Number.NaN }], validation: [], width: 80 })).toBe(
      'no loss to draw yet',
    );
    for (const value of [0, 2, -3]) {
      const same = [1, 2, 3].map((step) => ({ step, value }));
      expect(plotLoss({ train: same.slice(0, 1), validation: [], width: 20 })).toMatch(/[\u2801-\u28ff]/);
      expect(plotLoss({ train: same, validation: same, width: 20 })).toContain('●');
    }
  });
});

describe('arithmetic of curves', () => {
  it('averages without the bias of the start, and anew after a break', () => {
    const points = [5, 5, Number.NaN, 3, 3].map((value, i) => ({ step: i + 1, value }));
    const average = debiasedAverage(points).map(({ value }) => value);
    expect(average[1]).toBeCloseTo(5, 12);
    expect(average[2]).toBeNaN();
    expect(average[3]).toBeCloseTo(3, 12);
  });

  it('thins to least and greatest, so that a spike stays', () => {
    const points = Array.from({ length: 10000 }, (_, i) => ({ step: i, value: i === 5003 ? 99 : Math.sin(i) }));
    const kept = thinned(points, 100);
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(kept).toContainEqual({ step: 5003, value: 99 });
    expect(kept.map(({ step }) => step)).toEqual(kept.map(({ step }) => step).sort((a, b) => a - b));
  });

  it('places round ticks, and writes numbers for people', () => {
    expect(ticks([1.8, 4.5], 4)).toEqual([2, 3, 4]);
    expect([grouped(1234567), clockText(3725), clockText(125), byteText(3154656)]).toEqual([
      '1,234,567',
      '1:02:05',
      '2:05',
      '3.2 MB',
    ]);
    expect([shortNumber(0.00095), shortNumber(1.2e-7), shortNumber(3050), shortNumber(0)]).toEqual([
      '0.00095',
      '1.2e-7',
      '3,050',
      '0',
    ]);
  });
});
