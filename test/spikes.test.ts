// Losses that stand out: how far one must stand above those before it, what is no reason to speak, and which text is shown.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { LEAST_DEVIATION, SCORE_AFTER, SPIKE } from '../src/ops/gate.ts';
import { lossScore } from '../src/reference/ops/loss_score.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import { normal, randomBits } from '../src/tensor/random.ts';
import { presetSettings } from '../src/train/presets.ts';
import { firstLossWarning, spikeText } from '../src/train/spikes.ts';
import { beginning, withOddBatch } from './harness/recorded_losses.ts';
import { CONTEXT, ids, tinyRun, tokenizer, vocabSize } from './harness/tiny_training.ts';

const NONE = [0, 0, 0, 0];

/** The scores of a curve, and the statistics behind it. */
function scores(losses: Iterable<number>, past: ArrayLike<number> = NONE) {
  const all: number[] = [];
  for (const loss of losses) {
    const scored = lossScore(past, loss);
    past = scored.past;
    all.push(scored.z);
  }
  return { all, past, highest: Math.max(...all) };
}

/** A loss that falls from `first` to `last` with noise of the given deviation. */
function falling(count: number, first: number, last: number, steps: number, noise: number, seed: number): number[] {
  return [...normal(count, noise, seed, 0)].map((n, i) => last + (first - last) * Math.exp(-i / steps) + n);
}

describe('how far a loss stands above those before it', () => {
  test('a real run has no spike: neither in the fall at its beginning nor at an odd batch', () => {
    expect(scores(beginning).highest).toBeLessThan(3);
    const late = scores(withOddBatch);
    expect(late.highest).toBeGreaterThan(5); // step 2,201: 2.40 among 1.91
    expect(late.highest).toBeLessThan(SPIKE);
  });

  test('the same run has one wherever its loss jumps from about 2 to 6', () => {
    for (const at of [40, 60, 100, 150, 199]) {
      const before = scores(beginning.slice(0, at)).past;
      expect(lossScore(before, beginning[at]! + 4).z).toBeGreaterThan(SPIKE);
    }
  });

  test('the first losses are looked at and not scored', () => {
    const { all, past } = scores([...Array(SCORE_AFTER - 1).fill(2), 9, 9]);
    expect(all).toEqual([...Array(SCORE_AFTER).fill(0), all.at(-1)]);
    expect(past[2]).toBe(SCORE_AFTER + 1);
  });

  test('noise is none, whatever its size and however fast the loss falls', () => {
    for (let seed = 0; seed < 20; seed++) {
      for (const [first, last, steps] of [
        [11, 3, 300],
        [11, 0.5, 60],
        [4.4, 1.9, 40],
        [0.7, 0.02, 100],
      ] as const)
        for (const noise of [0, 0.005, 0.1, 0.5])
          expect(scores(falling(2000, first, last, steps, noise, seed)).highest).toBeLessThan(SPIKE);
    }
  });

  test('a rise of 30 % is none in a quiet run, one of 31 % is; near 0 it takes 0.06 nats', () => {
    const at = (level: number) => scores(Array(200).fill(level)).past;
    expect(lossScore(at(2), 2.59).z).toBeLessThan(SPIKE);
    expect(lossScore(at(2), 2.62).z).toBeGreaterThan(SPIKE);
    expect(lossScore(at(0), 6.1 * LEAST_DEVIATION).z).toBeGreaterThan(SPIKE);
    expect(lossScore(at(0), 5.9 * LEAST_DEVIATION).z).toBeLessThan(SPIKE);
  });

  test('a spike hides no second one soon after; a loss that stays high is the new normal', () => {
    const quiet = falling(300, 2, 2, 1, 0.05, 1);
    const twice = [...quiet, 6, ...quiet.slice(0, 10), 6];
    const { all } = scores(twice);
    expect(all.flatMap((z, i) => (z > SPIKE ? [i] : []))).toEqual([300, 311]);
    const risen = scores([...quiet, ...quiet.map((loss) => loss + 3)]).all;
    expect(risen.filter((z) => z > SPIKE).length).toBeLessThan(20);
    expect(Math.max(...risen.slice(340))).toBeLessThan(SPIKE);
  });

  test('a loss that is not finite is not scored and leaves no trace', () => {
    const { past } = scores(beginning);
    for (const loss of [Number.NaN, Number.POSITIVE_INFINITY]) expect(lossScore(past, loss)).toEqual({ z: 0, past });
  });

  test('float32 is enough: rounding after every step changes no score by a thousandth', () => {
    let [exact, rounded]: ArrayLike<number>[] = [NONE, NONE];
    for (const loss of [...beginning, ...falling(3000, 2, 0.001, 500, 0.0001, 3)]) {
      const [a, b] = [lossScore(exact!, loss), lossScore(rounded!, Math.fround(loss))];
      exact = a.past;
      rounded = Float32Array.from(b.past);
      expect(Math.abs(a.z - b.z)).toBeLessThan(1e-3 * Math.max(1, Math.abs(a.z)));
    }
  });
});

describe('the first loss', () => {
  test('within 5 % of ln V it is what guessing costs', () => {
    expect(firstLossWarning(10.98, 50257)).toBeNull(); // GPT-2 124M
    expect(firstLossWarning(1.049 * Math.log(81), 81)).toBeNull();
    expect(firstLossWarning(0.951 * Math.log(81), 81)).toBeNull();
  });

  test('further off a sentence says what was found, what was expected and what to look at', () => {
    expect(firstLossWarning(6.21, 81)).toBe(
      'found a first loss of 6.210, expected 4.394, which guessing among 81 tokens costs, within 5 %. A smaller --init-std brings it down; if --kernels portable begins elsewhere, a kernel is wrong on this adapter.',
    );
    expect(firstLossWarning(0.737, 68)).toMatch(
      /^found a first loss of 0\.737, expected 4\.220, .* No untrained model guesses that well/,
    );
    expect(firstLossWarning(Number.NaN, 68)).toBeNull(); // that ends the run
  });
});

describe('on a device', () => {
  let device: Device;
  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
  });
  afterAll(() => device.close());

  for (const [preset, characters] of [
    ['moby-small', 81],
    ['shakespeare-char-cpu', 65],
  ] as const) {
    test(`${preset} begins where guessing does`, async () => {
      const { context, width, layers, heads, initStd } = presetSettings(preset);
      const shape = { blockSize: context, nEmbd: width, nLayer: layers, nHead: heads, initializerRange: initStd };
      const tokens = Int32Array.from({ length: context + 1 }, (_, i) => randomBits(5, 0, i) % characters);
      const rows = { inputs: tokens.subarray(0, context), targets: tokens.subarray(1) };
      const losses: number[] = [];
      for (const seed of [1, 1337]) {
        const model = new GPT2(gpt2Config({ vocabSize: characters, ...shape }), { seed });
        const compiled = device.compile((batch) => ({ loss: languageTask().loss(model, batch).loss }));
        losses.push(await (await compiled(languageBatch(rows, context))).loss.item());
        compiled.release();
        device.release(model.parameters);
      }
      expect(losses.map((loss) => firstLossWarning(loss, characters))).toEqual([null, null]);
    });
  }

  test('the text of a spike is that of the row with the highest loss, of all micro-batches', async () => {
    const row = (start: number) => [...ids.subarray(start, start + CONTEXT + 1)];
    const noise = Array.from({ length: CONTEXT + 1 }, (_, i) => randomBits(9, 1, i) % vocabSize);
    const rows = (...all: number[][]) =>
      languageBatch(
        {
          inputs: Int32Array.from(all.flatMap((r) => r.slice(0, -1))),
          targets: Int32Array.from(all.flatMap((r) => r.slice(1))),
        },
        CONTEXT,
      );
    const decode = (some: readonly number[]) => tokenizer.decode(some);
    const told = async (some: (b: readonly number[]) => string, ...batches: ReturnType<typeof rows>[]) => {
      const measured = tinyRun(device, { accumulate: batches.length });
      let text = '';
      for await (const result of measured.trainer.advance(1, () => ({ batches, learningRate: 0 })))
        text = spikeText(result, some);
      measured.release();
      return text;
    };
    // At the start all rows are about equally hard: the untrained model's losses decide, whichever way the batches are cut.
    const all = [row(0), row(40), row(80), noise];
    const whole = await told(decode, rows(...all));
    expect(await told(decode, rows(row(0), row(40)), rows(row(80), noise))).toBe(whole);
    const means = [];
    const fresh = tinyRun(device);
    for (const each of all) means.push((await fresh.trainer.evaluate([rows(each)])).loss);
    fresh.release();
    expect(whole).toBe(decode(all[means.indexOf(Math.max(...means))]!.slice(0, -1)));

    // A long text is cut.
    const words = (some: readonly number[]) => some.map((id) => `<${id}> and so on, `).join('');
    const long = await told(words, rows(noise));
    expect(long).toMatch(/^<\d+> and so on, .*\.\.\.$/);
    expect(long.length).toBe(123);

    // Rows without a target are passed over.
    const silent = rows(row(0));
    silent.targets!.data.fill(-100);
    expect(await told(decode, silent)).toBe('');
    expect(await told(decode, silent, rows(row(40)))).toBe(decode(row(40).slice(0, -1)));
  });
});
