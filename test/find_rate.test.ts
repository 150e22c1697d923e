// The learning-rate finder: which learning rates it tries, when it ends, what it makes of a curve, and that nothing is left of it.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { normal } from '../src/tensor/random.ts';
import { type RatePoint, rateOf, searchRates, smoothed, suggestRate } from '../src/train/find_rate.ts';
import { fakeHome } from './cli_home.ts';
import { run } from './harness/inside.ts';
import { listing, scratchFolder, tiny } from './harness/program.ts';
import { tinyRun } from './harness/tiny_training.ts';

/** A curve over the learning rates of a search, as a function of the power of ten. */
function curve(lossAt: (power: number) => number, steps = 100): RatePoint[] {
  return Array.from({ length: steps }, (_, i) => {
    const learningRate = rateOf(i + 1, { steps });
    return { step: i + 1, learningRate, loss: lossAt(Math.log10(learningRate)) };
  });
}
/** From 4.4 down to 2.4 between two powers of ten, along half a cosine, and up from a third on. */
const valley = (from: number, to: number, up: number, steepness: number) => (power: number) => {
  const done = Math.min(1, Math.max(0, (power - from) / (to - from)));
  return 3.4 + Math.cos(Math.PI * done) + steepness * Math.max(0, power - up) ** 2;
};

test('learning rates rise by equal factors', () => {
  const rates = Array.from({ length: 100 }, (_, i) => rateOf(i + 1));
  expect([rates[0], rates[99]!.toFixed(9)]).toEqual([1e-7, '10.000000000']);
  for (let i = 1; i < 100; i++) expect(rates[i]! / rates[i - 1]!).toBeCloseTo(10 ** (8 / 99), 9);
  expect(rateOf(1, { from: 1e-3, to: 1, steps: 1 })).toBe(1e-3);
});

test('smoothing lags behind in neither direction, and a loss that has left does not reach back', () => {
  const points = (losses: number[]) => losses.map((loss, i) => ({ step: i + 1, learningRate: rateOf(i + 1), loss }));
  const losses = (all: RatePoint[]) => smoothed(all).map(({ loss }) => loss);
  // Down and up again around the middle, far from both ends.
  const valleyed = losses(points(Array.from({ length: 101 }, (_, i) => 3 - Math.exp(-((i - 50) ** 2) / 20))));
  expect(valleyed.indexOf(Math.min(...valleyed))).toBe(50);
  for (let i = 0; i < 30; i++) expect(valleyed[50 - i]).toBeCloseTo(valleyed[50 + i]!, 3);
  expect(losses(points([3, 3, 3]))).toEqual([3, 3, 3].map((x) => expect.closeTo(x, 12)));
  const left = [...Array(30).fill(3), 1e9, Number.NaN];
  expect(Math.max(...losses(points(left)))).toBeLessThan(3.8);
  expect(losses(points(left)).length).toBe(31);
});

describe('the suggestion', () => {
  test('is where the loss falls fastest', () => {
    const { learningRate, reason } = suggestRate(curve(valley(-3.6, -2.4, -2.2, 3)));
    expect(Math.abs(Math.log10(learningRate!) + 3)).toBeLessThan(0.2);
    expect(reason).toMatch(/^the loss falls fastest there, well before 0\.0\d+, where it is lowest\.$/);
  });

  test('is a tenth of where the loss is lowest, if it falls slowly over many powers of ten', () => {
    const slow = (power: number) => 4.4 - 0.3 * Math.min(5, power + 7) - (power < -6 ? 0.2 * (power + 7) : 0.2);
    const { learningRate, reason } = suggestRate(curve((p) => slow(p) + Math.max(0, p + 2) ** 2));
    expect(reason).toMatch(
      /^the loss is lowest at 0\.0\d+, and a tenth of that is safe in a long run; it falls fastest already at \S+\.$/,
    );
    const lowest = Number(/lowest at (\S+),/.exec(reason)![1]);
    expect(learningRate! / lowest).toBeCloseTo(0.1, 2);
  });

  test('stays below where the loss is lowest, if it falls fastest right before it', () => {
    const cliff = valley(-2.2, -1.9, -1.85, 30);
    const { learningRate, reason } = suggestRate(curve(cliff));
    expect(reason).toMatch(
      /^the loss falls fastest at \S+, too near to \S+, where it is lowest, for a long run: a third/,
    );
    expect(learningRate).toBeLessThan(0.01);
  });

  test('is the same with noise on the losses', () => {
    const exact = suggestRate(curve(valley(-3.6, -2.4, -2.2, 3))).learningRate!;
    for (let seed = 0; seed < 20; seed++) {
      const noise = normal(100, 0.05, seed, 0);
      const noisy = curve(valley(-3.6, -2.4, -2.2, 3)).map((p, i) => ({ ...p, loss: p.loss + noise[i]! }));
      const found = suggestRate(noisy).learningRate!;
      expect(Math.abs(Math.log10(found / exact))).toBeLessThan(0.5);
    }
  });

  test('is none where the curve says nothing', () => {
    expect(suggestRate(curve(() => 4.4))).toEqual({
      learningRate: null,
      reason: 'the loss never fell by more than noise: 4.400 at the beginning, 4.400 at the least.',
    });
    expect(suggestRate(curve(() => 0)).learningRate).toBeNull();
    const noise = normal(100, 0.2, 1, 0);
    const noisy = curve(() => 4.4).map((p, i) => ({ ...p, loss: p.loss + noise[i]! }));
    expect(suggestRate(noisy).learningRate).toBeNull();
    expect(suggestRate(curve((power) => 4.4 + (power + 7))).learningRate).toBeNull();
    const early = curve(valley(-6.8, -6.5, -6.5, 1)).slice(0, 5);
    expect(suggestRate([...early, { step: 6, learningRate: 1, loss: Number.NaN }])).toEqual({
      learningRate: null,
      reason: '5 losses were seen before the search ended, too few for a curve.',
    });
    expect(suggestRate([]).learningRate).toBeNull();
  });
});

describe('a search', () => {
  let device: Device;
  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
  });
  afterAll(() => device.close());

  async function search(options: Parameters<typeof searchRates>[2], stop?: (step: number) => boolean) {
    const { trainer, batch, release } = tinyRun(device, { adamw: { gradClip: null } });
    const points: RatePoint[] = [];
    const drawn: number[] = [];
    const batches = (step: number) => {
      drawn.push(step);
      return [batch()];
    };
    for await (const point of searchRates(trainer, batches, options, () => stop?.(points.length) ?? false))
      points.push(point);
    release();
    return { points, drawn };
  }

  test('takes a batch a step, in order, and ends where the loss has left', async () => {
    const { points, drawn } = await search({});
    expect(points.length).toBeGreaterThan(50);
    expect(points.map(({ step }) => step)).toEqual(points.map((_, i) => i + 1));
    expect(points.map(({ learningRate }) => learningRate)).toEqual(points.map((_, i) => rateOf(i + 1)));
    expect(drawn).toEqual(drawn.map((_, i) => i + 1));
    const losses = points.map(({ loss }) => loss);
    expect(Math.min(...losses)).toBeLessThan(losses[0]! - 0.5);
    const { learningRate } = suggestRate(points);
    expect(learningRate).toBeGreaterThan(1e-4);
    expect(learningRate).toBeLessThan(0.1);
  });

  test('that ends in a NaN is no error: that is its last point', async () => {
    const { points } = await search({ from: 1e-3, to: 1e38, steps: 12 });
    expect(points.length).toBeLessThan(12);
    const last = points.at(-1)!;
    expect(points.slice(0, -1).every(({ loss }) => Number.isFinite(loss))).toBe(true);
    expect([last.step, last.learningRate]).toEqual([
      points.length,
      rateOf(last.step, { from: 1e-3, to: 1e38, steps: 12 }),
    ]);
    expect(suggestRate(points).learningRate).toBeNull();
  });

  test('stops when asked', async () => {
    const { points } = await search({}, (seen) => seen >= 3);
    expect(points.length).toBeLessThan(100);
  });
});

describe('pretrain --find-lr', () => {
  const place = scratchFolder();
  const before = process.cwd();
  afterAll(() => {
    process.chdir(before);
    place.remove();
  });
  const words = [...tiny(), '--data', place.data, '--find-lr'];

  test('with --json: a line a step, then the suggestion with its reason; nothing is written', async () => {
    fs.mkdirSync(place.at('here'));
    process.chdir(place.at('here'));
    const files = listing(place.folder);
    const { code, lines } = await run(['pretrain', ...words, '--json']);
    process.chdir(before);
    expect(code).toBe(0);
    const steps = lines.slice(0, -1);
    expect(steps.length).toBeGreaterThan(30);
    for (const [i, line] of steps.entries()) {
      expect(Object.keys(line)).toEqual(['event', 'step', 'learningRate', 'loss']);
      expect([line.event, line.step]).toEqual(['find-lr', i + 1]);
    }
    const { event, learningRate, reason } = lines.at(-1)!;
    expect([event, typeof learningRate, typeof reason]).toEqual(['suggestion', 'number', 'string']);
    expect(listing(place.folder)).toEqual(files);
  });

  test('for people: the curve with the learning rates below it, the flag to paste, and why', async () => {
    for (const width of [80, 40]) {
      const home = fakeHome();
      home.stdout.columns = width;
      await run(['pretrain', ...words], home);
      const lines = home.stdout.text.trimEnd().split('\n');
      expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(width);
      expect(home.stdout.text).toMatch(/^ +1e-7 +.* 10$/m);
      const at = lines.findIndex((line) => /^--learning-rate [\d.e-]+$/.test(line));
      expect(at).toBeGreaterThan(8);
      expect(lines.slice(at + 1).join(' ')).toMatch(/^the loss .*\.$/);
    }
  });

  test('a flag that asks for a run beside it is refused', async () => {
    for (const more of [
      ['--out', place.at('out')],
      ['--minutes', '1'],
      ['--resume', place.at('out')],
    ]) {
      const { code, errors } = await run(['pretrain', ...words, ...more]);
      expect([code, errors]).toEqual([
        2,
        [
          '--find-lr: found together with --resume, --out or --minutes, expected none of them: it tries learning rates for a new run and writes nothing.',
        ],
      ]);
    }
  });
});
