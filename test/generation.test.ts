// Generation with a cache of keys and values: the same tokens as without, one text or several, and the best of many by beams.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Machine } from '../src/autograd/machine.ts';
import { InputError } from '../src/errors.ts';
import { BeamSearch, beamSearch } from '../src/generate/beam.ts';
import { Decoder } from '../src/generate/decoder.ts';
import { type GenerateOptions, TokenGenerator } from '../src/generate/generate.ts';
import { argmax } from '../src/generate/sampling.ts';
import { generateSeveral } from '../src/generate/several.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { Llama, llamaConfig } from '../src/nn/llama.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { Twin } from '../src/reference/twin.ts';
import { countCalls } from '../src/runtime/counters.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import type { Precision } from '../src/tensor/tensor.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

// Weights so large that every token depends on what came before.
const sizes = { vocabSize: 37, blockSize: 40, nEmbd: 64, nLayer: 2, nHead: 4, initializerRange: 0.3 };
const models: Record<string, (more?: object) => LanguageModel> = {
  gpt2: (more) => new GPT2(gpt2Config({ ...sizes, ...more }), { seed: 3 }),
  llama: (more) => new Llama(llamaConfig({ ...sizes, kvHeads: 2, ...more }), { seed: 3 }),
  'gpt2, heads of 6': (more) => new GPT2(gpt2Config({ ...sizes, nEmbd: 24, ...more }), { seed: 3 }),
};
const prompt = [5, 1, 30, 2, 17];

async function written(generator: TokenGenerator, from: readonly number[], options: GenerateOptions) {
  const ids: number[] = [];
  for await (const { id } of generator.generate(from, options)) ids.push(id);
  return ids;
}

/** Greedy tokens by whole passes over the text. */
async function withoutCache(generator: TokenGenerator, from: readonly number[], count: number, window?: number) {
  const ids = [...from];
  for (let i = 0; i < count; i++) ids.push(argmax(await generator.logits(ids, window)));
  return ids.slice(from.length);
}

describe.each(Object.keys(models))('%s', (name) => {
  const greedy = { temperature: 0, maxNewTokens: 50 };

  test('greedy tokens are the same with and without a cache, on past the end of the context', async () => {
    const model = models[name]!();
    const generator = new TokenGenerator(device, model);
    const expected = await withoutCache(generator, prompt, 50);
    expect(new Set(expected).size).toBeGreaterThan(5);
    expect(await written(generator, prompt, greedy)).toEqual(expected);
    expect(await written(generator, prompt, { ...greedy, logits: true })).toEqual(expected);
    // A smaller window is a context of its own.
    const narrow = await withoutCache(generator, prompt, 20, 9);
    expect(await written(generator, prompt, { temperature: 0, maxNewTokens: 20, window: 9 })).toEqual(narrow);
    generator.release();
    device.release(model.parameters);
  });

  test('and on the twin', async () => {
    const twin = new Twin();
    const generator = new TokenGenerator(twin, models[name]!());
    expect(await written(generator, prompt, { temperature: 0, maxNewTokens: 12 })).toEqual(
      await withoutCache(generator, prompt, 12),
    );
  });

  test('and with values stored as f16', async (context) => {
    if (!device.capabilities.features.has('shader-f16')) context.skip(`${device.name} has no shader-f16`);
    const model = models[name]!();
    const generator = new TokenGenerator(device, model, 'f16' satisfies Precision);
    const expected = await withoutCache(generator, prompt, 30);
    expect(await written(generator, prompt, { temperature: 0, maxNewTokens: 30 })).toEqual(expected);
    generator.release();
    device.release(model.parameters);
  });

  test('several texts of different lengths are continued as each alone', async () => {
    const model = models[name]!();
    const generator = new TokenGenerator(device, model);
    const prompts = [prompt, [7], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]];
    const options = { maxNewTokens: 15, temperature: 0 };
    const alone = await Promise.all(prompts.map((each) => withoutCache(generator, each, 15)));
    expect(await together(device, model, prompts, options)).toEqual(alone);
    // One ends, the others go on.
    const eosId = alone[1]![4]!;
    const upTo = (ids: number[]) => (ids.includes(eosId) ? ids.slice(0, ids.indexOf(eosId) + 1) : ids);
    expect(await together(device, model, prompts, { ...options, eosId })).toEqual(alone.map(upTo));
    const sampled = { maxNewTokens: 10, temperature: 0.9, topK: 8, seed: 4 };
    const single = await Promise.all(
      [0, 1, 2].map((b) => sampledAlone(model, prompts[b]!, { ...sampled, seed: 4 + b })),
    );
    expect(await together(device, model, prompts, sampled)).toEqual(single);
    generator.release();
    device.release(model.parameters);
  });
});

async function together(
  machine: Machine,
  model: LanguageModel,
  prompts: number[][],
  options: Parameters<typeof generateSeveral>[3],
) {
  const texts: number[][] = prompts.map(() => []);
  for await (const step of generateSeveral(machine, model, prompts, options))
    step.forEach((id, b) => void (id !== null && texts[b]!.push(id)));
  return texts;
}

async function sampledAlone(model: LanguageModel, from: number[], options: GenerateOptions) {
  const generator = new TokenGenerator(device, model);
  const ids = await written(generator, from, options);
  generator.release();
  return ids;
}

describe('the cache', () => {
  test('a token is one submit; nothing is made, and nothing is read but the token', async () => {
    const model = models.gpt2!();
    const generator = new TokenGenerator(device, model);
    const options = { temperature: 0, maxNewTokens: 30 };
    await written(generator, prompt, options);
    const counters = countCalls();
    const mapped = vi.spyOn(GPUBuffer.prototype, 'mapAsync');
    try {
      await written(generator, prompt, options);
      expect(counters.counts.submits).toBe(30);
      expect(counters.counts.passes).toBe(30);
      expect(counters.counts.buffers).toBe(0);
      expect(mapped.mock.calls.map(([, , bytes]) => bytes)).toEqual(Array(30).fill(16));
    } finally {
      mapped.mockRestore();
      counters.stop();
    }
    generator.release();
    device.release(model.parameters);
  });

  test('the prompt is one pass, then each is of one token', async () => {
    const model = models.llama!();
    const generator = new TokenGenerator(device, model);
    const [feed, chosen] = [vi.spyOn(Decoder.prototype, 'feed'), vi.spyOn(Decoder.prototype, 'feedChosen')];
    await written(generator, prompt, { temperature: 0, maxNewTokens: 6 });
    expect(feed.mock.calls.map(([[tokens], starts]) => [tokens!.length, ...starts])).toEqual([[5, 0]]);
    expect(chosen.mock.calls.map(([starts]) => starts)).toEqual([[5], [6], [7], [8], [9]]);
    feed.mockClear();
    // A conversation goes on: what stands in the cache is not computed again.
    const first = await written(generator, prompt, { temperature: 0, maxNewTokens: 4 });
    feed.mockClear();
    const more = [...prompt, ...first, 1, 2, 3];
    const told = await written(generator, more, { temperature: 0, maxNewTokens: 5, reuse: true });
    expect(feed.mock.calls.map(([[tokens], starts]) => [tokens!.length, ...starts])).toEqual([[4, 8]]);
    expect(told).toEqual(await withoutCache(generator, more, 5));
    feed.mockRestore();
    chosen.mockRestore();
    generator.release();
    device.release(model.parameters);
  });

  test('two texts in turn do not disturb each other', async () => {
    const model = models.gpt2!();
    const generator = new TokenGenerator(device, model);
    const options = { temperature: 0, maxNewTokens: 8 };
    const [a, b] = [generator.generate(prompt, options), generator.generate([3, 2, 1], options)];
    const [first, second]: number[][] = [[], []];
    for (let i = 0; i < 8; i++) {
      first!.push((await a.next()).value!.id);
      if (i % 3 === 0) second!.push((await b.next()).value!.id);
    }
    expect(first).toEqual(await withoutCache(generator, prompt, 8));
    expect(second).toEqual((await withoutCache(generator, [3, 2, 1], 8)).slice(0, 3));
    generator.release();
    device.release(model.parameters);
  });

  test('grows with the text', async () => {
    const model = models.gpt2!({ blockSize: 700, nLayer: 1, nEmbd: 32 });
    const generator = new TokenGenerator(device, model);
    const ids = await written(generator, prompt, { temperature: 0, maxNewTokens: 620 });
    for (const at of [0, 200, 506, 507, 508, 509, 510, 600, 619])
      expect(argmax(await generator.logits([...prompt, ...ids.slice(0, at)])), `token ${at}`).toBe(ids[at]);
    generator.release();
    device.release(model.parameters);
  });

  test('a model that gives NaN is refused, also where the machine chooses', async () => {
    const model = models.gpt2!();
    const generator = new TokenGenerator(device, model);
    await written(generator, prompt, { temperature: 0, maxNewTokens: 1 });
    device.write(model.parameters[0]!, new Float32Array(model.parameters[0]!.size).fill(Number.NaN));
    for (const options of [{ temperature: 0 }, { temperature: 1 }])
      await expect(written(generator, prompt, { ...options, maxNewTokens: 3 })).rejects.toThrow(/gave NaN/);
    generator.release();
    device.release(model.parameters);
  });
});

describe('beam search', () => {
  const tiny = { vocabSize: 5, blockSize: 12, nEmbd: 16, nLayer: 1, nHead: 2 };
  const eosId = 4;

  /** Every text of up to `length` tokens with its score, from the best on. */
  async function everyText(generator: TokenGenerator, from: number[], length: number, penalty: number) {
    const found: { ids: number[]; score: number }[] = [];
    const walk = async (ids: number[], sum: number) => {
      if (ids.length === length || ids.at(-1) === eosId) {
        found.push({ ids, score: sum / ids.length ** penalty });
        return;
      }
      const logits = await generator.logits([...from, ...ids]);
      const total = logits.reduce((s, x) => s + Math.exp(x), 0);
      for (let id = 0; id < tiny.vocabSize; id++) await walk([...ids, id], sum + logits[id]! - Math.log(total));
    };
    await walk([], 0);
    return found.sort((a, b) => b.score - a.score);
  }

  test.each(['gpt2', 'llama'])('with enough beams finds what trying all texts finds: %s', async (name) => {
    const model = models[name]!(tiny);
    const twin = new Twin();
    const generator = new TokenGenerator(twin, model);
    for (const lengthPenalty of [0, 1, 2]) {
      const all = await everyText(generator, [1, 2], 4, lengthPenalty);
      const options = { beams: 125, maxNewTokens: 4, eosId, lengthPenalty };
      const [best] = await beamSearch(twin, model, [1, 2], options);
      expect(best!.ids, `length penalty ${lengthPenalty}`).toEqual(all[0]!.ids);
      expect(best!.score).toBeCloseTo(all[0]!.score, 5);
    }
  });

  test('on a device: the same texts as on the twin, whose rows changed places all the way', async () => {
    const model = models.gpt2!({ blockSize: 64 });
    const options = { beams: 4, maxNewTokens: 20 };
    const [here, there] = [
      await beamSearch(device, model, prompt, options),
      await beamSearch(new Twin(), model, prompt, options),
    ];
    expect(here.map(({ ids }) => ids)).toEqual(there.map(({ ids }) => ids));
    here.forEach(({ score }, i) => void expect(score).toBeCloseTo(there[i]!.score, 3));
    // And a text's score is the mean of its own log-probabilities.
    const generator = new TokenGenerator(device, model);
    let sum = 0;
    for (let i = 0; i < 20; i++) {
      const logits = await generator.logits([...prompt, ...here[0]!.ids.slice(0, i)]);
      sum += logits[here[0]!.ids[i]!]! - Math.log(logits.reduce((s, x) => s + Math.exp(x), 0));
    }
    expect(here[0]!.score).toBeCloseTo(sum / 20, 3);
    const one = await beamSearch(device, model, prompt, { beams: 1, maxNewTokens: 12 });
    expect(one[0]!.ids).toEqual(await withoutCache(generator, prompt, 12));
    generator.release();
    device.release(model.parameters);
  });

  test('a text that ends is kept by its score, and the search ends when none can overtake', () => {
    const rows = (...p: number[][]) =>
      p.map((row) =>
        row
          .map((each, id) => ({ id, logProbability: Math.log(each) }))
          .sort((a, b) => b.logProbability - a.logProbability),
      );
    const search = new BeamSearch({ beams: 2, eosId: 2 });
    expect(search.advance(rows([0.5, 0.2, 0.3]))).toEqual([0, 0]);
    expect(search.finished).toEqual([{ ids: [2], score: Math.log(0.3) }]);
    expect(search.done).toBe(false);
    // Ended with 0.5 * 0.9 over two tokens: better than the first.
    expect(search.advance(rows([0.05, 0.05, 0.9], [0.5, 0.4, 0.1]))).toEqual([1, 1]);
    expect(search.finished[0]!.ids).toEqual([0, 2]);
    expect(search.finished[0]!.score).toBeCloseTo(Math.log(0.45) / 2, 12);
  });

  test('what outgrows the context is refused, and no beams', async () => {
    const model = models.gpt2!();
    await expect(beamSearch(device, model, prompt, { beams: 2, maxNewTokens: 37 })).rejects.toThrow(
      'generate: a prompt of 5 tokens and 37 new ones outgrow the context, which holds 40. Ask for at most 36 new tokens.',
    );
    await expect(beamSearch(device, model, prompt, { beams: 0, maxNewTokens: 3 })).rejects.toThrow(InputError);
    await expect(together(device, model, [], { maxNewTokens: 3 })).rejects.toThrow(/found no prompts/);
    await expect(together(device, model, [[1], []], { maxNewTokens: 3 })).rejects.toThrow(/the prompt is empty/);
  });
});
