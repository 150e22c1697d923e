// Choosing tokens: every filter by hand-made probabilities, and generation as a whole on a small model.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../src/errors.ts';
import type { TokenGenerator } from '../src/generate/generate.ts';
import { argmax, chooseToken, type SamplingOptions } from '../src/generate/sampling.ts';
import { StopText } from '../src/generate/stop_text.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { CONTEXT, tinyRun, vocabSize } from './harness/tiny_training.ts';

/** Probabilities 0.4, 0.3, 0.2, 0.1 for tokens 2, 0, 3, 1. */
const logits = Float32Array.from([0.3, 0.1, 0.4, 0.2], Math.log);

/** How often each token comes in 4,000 draws. */
function shares(options: SamplingOptions, scores = logits, before: number[] = []): number[] {
  const counts = new Array<number>(scores.length).fill(0);
  for (let i = 0; i < 4000; i++) counts[chooseToken(scores, before, i, { seed: 7, ...options })]! += 1 / 4000;
  return counts;
}
const close = (found: number[], expected: number[]) => {
  expect(found.length).toBe(expected.length);
  found.forEach((share, i) => void expect(Math.abs(share - expected[i]!)).toBeLessThan(0.03));
};

describe('the next token', () => {
  test('has the probabilities of the model, sharper or flatter with temperature', () => {
    close(shares({}), [0.3, 0.1, 0.4, 0.2]);
    const squared = [0.09, 0.01, 0.16, 0.04].map((p) => p / 0.3);
    close(shares({ temperature: 0.5 }), squared);
    close(shares({ temperature: 1000 }), [0.25, 0.25, 0.25, 0.25]);
  });

  test('is the most probable one at temperature 0, the first of equals, whatever the filters', () => {
    expect(shares({ temperature: 0 })).toEqual([0, 0, expect.closeTo(1), 0]);
    expect(chooseToken(Float32Array.of(1, 5, 5), [], 0, { temperature: 0, topP: 0.1, topK: 1 })).toBe(1);
    expect(argmax([3, 1, 3])).toBe(0);
  });

  test('is among the k likeliest with top-k', () => {
    close(shares({ topK: 2 }), [3 / 7, 0, 4 / 7, 0]);
    close(shares({ topK: 1 }), [0, 0, 1, 0]);
    close(shares({ topK: 99 }), [0.3, 0.1, 0.4, 0.2]);
  });

  test('is among the likeliest that reach a sum with top-p, never none', () => {
    close(shares({ topP: 0.65 }), [3 / 7, 0, 4 / 7, 0]);
    close(shares({ topP: 0.75 }), [3 / 9, 0, 4 / 9, 2 / 9]);
    close(shares({ topP: 1e-6 }), [0, 0, 1, 0]);
    close(shares({ topP: 1 }), [0.3, 0.1, 0.4, 0.2]);
  });

  test("is no less likely than a share of the best one's probability with min-p", () => {
    close(shares({ minP: 0.6 }), [3 / 7, 0, 4 / 7, 0]);
    close(shares({ minP: 1 }), [0, 0, 1, 0]);
    close(shares({ minP: 0 }), [0.3, 0.1, 0.4, 0.2]);
  });

  test('passes all filters together, each on what the one before left', () => {
    // Top-k leaves 0.4, 0.3, 0.2 of 0.9; top-p 0.5 of that leaves two; min-p 0.8 of the best leaves one.
    close(shares({ topK: 3, topP: 0.5, minP: 0.8 }), [0, 0, 1, 0]);
    close(shares({ topK: 3, topP: 0.5 }), [3 / 7, 0, 4 / 7, 0]);
  });

  test('is less likely if it was there already, once, whatever its sign', () => {
    const scores = Float32Array.of(2, -1, 0);
    const greedy = (penalty: number, before: number[]) =>
      chooseToken(scores, before, 0, { temperature: 0, repetitionPenalty: penalty });
    expect(greedy(1, [0, 0])).toBe(0);
    expect(greedy(1.5, [0, 0, 0])).toBe(0); // 2 / 1.5 is still above 0
    const share = (before: number[]) => shares({ repetitionPenalty: 2 }, scores, before);
    const [a, b, c] = [Math.exp(1), Math.exp(-2), 1];
    close(
      share([0, 1, 1]),
      [a, b, c].map((x) => x / (a + b + c)),
    );
  });

  test('follows from the seed and the position alone', () => {
    const draw = (seed: number) => Array.from({ length: 50 }, (_, i) => chooseToken(logits, [], i, { seed }));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test('is refused where the model gives NaN, and is the best one where it gives an infinity', () => {
    expect(() => chooseToken(Float32Array.of(1, Number.NaN), [], 0)).toThrow(InputError);
    expect(chooseToken(Float32Array.of(1, Number.POSITIVE_INFINITY, 2), [], 0)).toBe(1);
    close(shares({}, Float32Array.of(0, Number.NEGATIVE_INFINITY, 0)), [0.5, 0, 0.5]);
  });
});

describe('a stop text', () => {
  const run = (stops: string[], pieces: string[]) => {
    const text = new StopText(stops);
    const shown: string[] = [];
    for (const piece of pieces) {
      shown.push(text.push(piece));
      if (text.stopped) break;
    }
    if (!text.stopped) shown.push(text.end(''));
    return { shown, text: text.text, stopped: text.stopped };
  };

  test('ends the text before it, also where it comes in pieces', () => {
    expect(run(['END'], ['one E', 'N', 'D two'])).toEqual({ shown: ['one ', '', ''], text: 'one ', stopped: true });
    expect(run(['\n\n', 'x'], ['a\n', '\nb']).text).toBe('a');
  });

  test('is held back only while it may still come', () => {
    expect(run(['END'], ['E', 'NT', 'E', 'N'])).toEqual({
      shown: ['', 'ENT', '', '', 'EN'],
      text: 'ENTEN',
      stopped: false,
    });
    expect(run(['aab'], ['aa', 'ab', 'c'])).toEqual({ shown: ['', 'a'], text: 'a', stopped: true });
  });

  test('the first of several ends it; none and an empty one never do', () => {
    expect(run(['two', 'one'], ['zero one two']).text).toBe('zero ');
    expect(run([''], ['as ', 'it is']).text).toBe('as it is');
  });
});

describe('generation', () => {
  let device: Device;
  let run: ReturnType<typeof tinyRun>;
  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
    run = tinyRun(device);
    for await (const _ of run.trainer.advance(30, () => ({ batches: [run.batch()], learningRate: 0.01 }))) {
    }
  });
  afterAll(() => device.close());
  const prompt = [1, 2, 3];
  const generate = async (options: Parameters<TokenGenerator['generate']>[1], from: number[] = prompt) => {
    const ids: number[] = [];
    for await (const { id } of run.generator.generate(from, options)) ids.push(id);
    return ids;
  };

  test('greedy takes the best token each time, and gives the same again', async () => {
    const ids: number[] = [];
    const told = { maxNewTokens: 6, temperature: 0, logits: true };
    for await (const { id, logits: scores } of run.generator.generate(prompt, told)) {
      expect(scores!.length).toBe(vocabSize);
      expect(id).toBe(argmax(scores!));
      ids.push(id);
    }
    expect(await generate({ maxNewTokens: 6, temperature: 0 })).toEqual(ids);
  });

  test('sampling gives the same for the same seed', async () => {
    const options = { maxNewTokens: 8, temperature: 1.5 };
    const [first, again, other] = [
      await generate({ ...options, seed: 1 }),
      await generate({ ...options, seed: 1 }),
      await generate({ ...options, seed: 2 }),
    ];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test('what stands behind the last token does not matter: a shorter plan gives the same logits', async () => {
    const padded = await run.generator.logits(prompt);
    const exact = device.compile(run.generator.stepFunction);
    const out = await exact({
      ids: { shape: [1, 3], data: Int32Array.from(prompt) },
      last: { shape: [1], data: Int32Array.of(2) },
    });
    const short = await out.logits!.read();
    padded.forEach((x, i) => void expect(Math.abs(x - short[i]!)).toBeLessThan(1e-5));
    exact.release();
  });

  test('past the context it is cropped: what is left of the window does not matter, and positions begin anew', async () => {
    const long = Array.from({ length: CONTEXT + 5 }, (_, i) => (i * 5) % vocabSize);
    const whole = await run.generator.logits(long);
    expect(await run.generator.logits(long.slice(-CONTEXT))).toEqual(whole);
    expect(await run.generator.logits([...long.slice(0, 5).reverse(), ...long.slice(5)])).toEqual(whole);
    expect(await run.generator.logits(long.slice(-CONTEXT + 1))).not.toEqual(whole);
    expect((await generate({ maxNewTokens: CONTEXT + 4, temperature: 0 })).length).toBe(CONTEXT + 4);
  });

  test('a smaller window sees only so many tokens', async () => {
    const few = await run.generator.logits([9, 8, 1, 2], 2);
    expect(few).toEqual(await run.generator.logits([1, 2]));
  });

  test('ends at the end-of-text token, which is given', async () => {
    const free = await generate({ maxNewTokens: 6, temperature: 0 });
    const eosId = free[2]!;
    expect(await generate({ maxNewTokens: 6, temperature: 0, eosId })).toEqual(free.slice(0, free.indexOf(eosId) + 1));
  });

  test('the shapes that are planned are those that are used', async () => {
    const lengths = (...sizes: [number, number]) =>
      run.generator.planned(...sizes).map(({ batch }) => batch.ids!.shape[1]);
    expect(lengths(3, 1)).toEqual([16]);
    expect(lengths(3, 20)).toEqual([16, 1]);
  });

  test('an empty prompt and ids outside the vocabulary are refused', async () => {
    await expect(run.generator.logits([])).rejects.toThrow(InputError);
    await expect(run.generator.logits([vocabSize])).rejects.toThrow(
      `token id ${vocabSize} is outside 0..${vocabSize - 1}`,
    );
  });
});

test.each([-1, Number.NaN])('a temperature that is none is refused: %s', (temperature) => {
  const chosen = () => chooseToken(new Float32Array([1, 2, 3]), [], 0, { temperature, topK: 2 });
  expect(chosen).toThrow(`temperature: found ${temperature}, expected a number from 0 on. Correct it.`);
});
