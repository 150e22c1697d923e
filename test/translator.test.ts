// Writing one text from another: the golden transformer's own translations, beams against all texts there are, and where each word looked.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../src/autograd/machine.ts';
import { parseEncoderDecoderConfig } from '../src/checkpoint/encoder_decoder_config.ts';
import { bytesSource, SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { pairWidth } from '../src/data/bucket.ts';
import { InputError } from '../src/errors.ts';
import { attentionWeights } from '../src/generate/attention_weights.ts';
import { sourceGroups } from '../src/generate/source_groups.ts';
import { Translator } from '../src/generate/translator.ts';
import { EncoderDecoder, encoderDecoderConfig } from '../src/nn/encoder_decoder.ts';
import { attention } from '../src/ops/attention.ts';
import { constant } from '../src/ops/op.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { loadModel } from '../src/train/snapshot.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const golden = (name: string) => readFileSync(new URL(`golden/traces/encdec/${name}`, import.meta.url));
const source = (name: string) => bytesSource(name, golden(name));
const [PAD, EOS] = [0, 2];

/** The golden transformer, which has learned to turn letters round. */
async function trained(machine: Machine): Promise<EncoderDecoder> {
  const config = parseEncoderDecoderConfig(golden('config.json').toString(), 'config.json');
  const model = new EncoderDecoder({ ...config, blockSize: 48 }, { seed: 1 });
  await loadModel(machine, model, [source('trained.safetensors')]);
  return model;
}

/** Its sources, which have no ends, and what it writes from them. */
async function goldenTexts() {
  const reader = await SafetensorsReader.open(source('generation.safetensors'));
  const rows = async (name: string) => {
    const [R, T] = reader.tensors.get(name)!.shape as [number, number];
    const data = Array.from((await reader.read(name)) as Int32Array);
    return Array.from({ length: R }, (_, r) => data.slice(r * T, (r + 1) * T));
  };
  return {
    sources: (await rows('src_ids')).map((ids) => ids.filter((id) => id !== PAD)),
    targets: (await rows('tokens')).map((ids) => ids.slice(0, ids.indexOf(EOS))),
  };
}

/** Weights so large that every token depends on what came before, and no source is like another. */
function little(more: Partial<Parameters<typeof encoderDecoderConfig>[0]> = {}, gain = 2.5): EncoderDecoder {
  const config = encoderDecoderConfig({
    ...{ vocabSize: 23, blockSize: 24, nEmbd: 32, nHead: 4, encoderLayers: 2, decoderLayers: 2 },
    ...{ padId: 0, bosId: 1, eosId: EOS, norm: 'pre', tie: 'none', ...more },
  });
  const model = new EncoderDecoder(config, { seed: 5 });
  for (const p of model.parameters) {
    const first = p.init;
    if (p.shape.length === 2) p.init = () => (first!() as Float32Array).map((x) => gain * x);
  }
  return model;
}

async function streamed(translator: Translator, ids: readonly number[]): Promise<number[]> {
  const written: number[] = [];
  for await (const id of translator.stream(ids)) written.push(id);
  return written;
}

/** Sources of 0 to 9 tokens of the little model. */
const sources = Array.from({ length: 10 }, (_, i) =>
  Array.from({ length: i }, (_, t) => 3 + ((7 * i + 5 * t * t) % 20)),
);
function near(found: ArrayLike<number>, expected: ArrayLike<number>, digits = 6): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(found[i]).toBeCloseTo(expected[i]!, digits);
}
const atMost = (n: number) => ({ maxNewTokens: () => n });

describe('the golden transformer', () => {
  test('greedy, by one beam, by four and as a stream it writes the golden tokens', async () => {
    const { sources, targets } = await goldenTexts();
    for (const machine of [device, new Twin()]) {
      const model = await trained(machine);
      const translator = new Translator(machine, model, { sourceEnd: false });
      const greedy = await translator.translate(sources, { beams: 1 });
      expect(greedy.map(({ ids }) => ids)).toEqual(targets);
      expect(greedy.every(({ ended }) => ended)).toBe(true);
      const beams = await translator.translate(sources, { beams: 4 });
      expect(beams.map(({ ids }) => ids)).toEqual(targets);
      expect(await streamed(translator, sources[3]!)).toEqual(targets[3]);
      translator.release();
      machine.release(model.parameters);
    }
  });
});

describe('beams', () => {
  const vocabSize = 5;
  const three = [0, 1, 3, 4];
  const source = [3, 4, 4, 3];
  const length = 3;

  /** Every text of up to three tokens, and the sum of its log-probabilities, by whole passes over each. */
  async function allTexts(twin: Twin, model: EncoderDecoder) {
    const texts: { ids: number[]; ended: boolean }[] = [];
    const grow = (ids: number[]) => {
      if (ids.length === length) return void texts.push({ ids, ended: false });
      texts.push({ ids, ended: true });
      for (const id of three) grow([...ids, id]);
    };
    grow([]);
    const inputs = texts.flatMap(({ ids }) => [1, ...ids, 0, 0, 0].slice(0, length));
    const next = twin.compile(({ source, mask, ids }: Record<string, Tensor>) => ({
      logits: model.head(model.hidden({ source: source!, mask: mask!, ids: ids! })),
    }));
    const rows = texts.length;
    const own = [...source, EOS];
    const out = await next({
      source: { shape: [rows, own.length], data: Int32Array.from(texts.flatMap(() => own)) },
      mask: { shape: [rows, own.length], data: new Float32Array(rows * own.length).fill(1) },
      ids: { shape: [rows, length], data: Int32Array.from(inputs) },
    });
    const logits = await out.logits!.read();
    return texts.map(({ ids, ended }, r) => {
      const whole = ended ? [...ids, EOS] : ids;
      const sum = whole.reduce((total, id, t) => {
        const row = Array.from(logits.slice((r * length + t) * vocabSize, (r * length + t + 1) * vocabSize));
        return total + row[id]! - Math.log(row.reduce((all, x) => all + Math.exp(x), 0));
      }, 0);
      return { ids, ended, sum, tokens: whole.length };
    });
  }

  test('enough of them find what trying all texts finds, whatever the length penalty', async () => {
    const twin = new Twin();
    const model = little({ vocabSize, nEmbd: 8, nHead: 2, encoderLayers: 1, decoderLayers: 1 }, 1);
    const translator = new Translator(twin, model);
    const all = await allTexts(twin, model);
    const found: string[] = [];
    for (const lengthPenalty of [0, 1, 3]) {
      const [best] = all
        .map((text) => ({ ...text, score: text.sum / text.tokens ** lengthPenalty }))
        .sort((a, b) => b.score - a.score);
      const [own] = await translator.translate([source], { beams: 100, lengthPenalty, ...atMost(length) });
      expect(own).toMatchObject({ ids: best!.ids, ended: best!.ended });
      expect(own!.score).toBeCloseTo(best!.score, 5);
      found.push(best!.ids.join());
    }
    expect(new Set(found).size).toBeGreaterThan(1);
  });

  test('on a device: what the twin finds, all together as each alone, and rows that change places keep their texts', async () => {
    const [model, twin] = [little(), new Twin()];
    const translator = new Translator(device, model);
    const other = new Translator(twin, little());
    for (const beams of [1, 3]) {
      const together = await translator.translate(sources, { beams, ...atMost(7) });
      const expected = await other.translate(sources, { beams, ...atMost(7) });
      expect(together.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
      near(
        together.map(({ score }) => score),
        expected.map(({ score }) => score),
        4,
      );
      expect(new Set(together.map(({ ids }) => ids.join())).size).toBeGreaterThan(3);
      for (const i of [0, 4, 9]) {
        const [alone] = await translator.translate([sources[i]!], { beams, ...atMost(7) });
        expect(alone!.ids).toEqual(together[i]!.ids);
        expect(alone!.score).toBeCloseTo(together[i]!.score, 4);
      }
    }
    translator.release();
    device.release(model.parameters);
  });
});

describe('a translator', () => {
  test('computes with values stored as f16: by one beam as greedily, and as a stream', async (context) => {
    if (!device.capabilities.features.has('shader-f16')) context.skip(`${device.name} has no shader-f16`);
    const model = little();
    const translator = new Translator(device, model, { dtype: 'f16' });
    const [greedy] = await translator.translate([sources[9]!], { beams: 1 });
    expect(greedy!.ids.length).toBeGreaterThan(0);
    expect(await streamed(translator, sources[9]!)).toEqual(greedy!.ids);
    const beams = await translator.translate(sources.slice(7), { beams: 2, ...atMost(4) });
    expect(beams.every(({ score }) => Number.isFinite(score) && score < 0)).toBe(true);
    translator.release();
    device.release(model.parameters);
  });

  test('ends a text at the most tokens that its source allows, and at the end of the context', async () => {
    const translator = new Translator(new Twin(), little({ eosId: 22 }));
    const own = await translator.translate(sources.slice(2, 5), { beams: 1, maxNewTokens: (n) => n });
    expect(own.map(({ ids, ended }) => [ids.length, ended])).toEqual([
      [2, false],
      [3, false],
      [4, false],
    ]);
    const [long] = await translator.translate([[5, 6, 7]], { beams: 2, ...atMost(100) });
    expect(long).toMatchObject({ ended: false });
    expect(long!.ids).toHaveLength(24);
  });

  test('stops where it is asked to, with what there is', async () => {
    const translator = new Translator(new Twin(), little());
    let asked = 0;
    const done: number[] = [];
    const options = { beams: 2, stopped: () => ++asked > 3, onDone: (count: number) => void done.push(count) };
    const found = await translator.translate([[5, 6, 7], ...sources.slice(9)], options);
    expect(found[0]!.ids.length).toBeLessThanOrEqual(3);
    expect(found).toHaveLength(2);
    expect(done).toEqual([0, 2]);
    expect(await translator.translate(sources, { beams: 1, stopped: () => true })).toEqual(
      sources.map(() => ({ ids: [], score: 0, ended: false })),
    );
  });

  test('writes with averaged weights where it is given them', async () => {
    const [trainedModel, averaged] = [little(), little({ activation: 'silu' })];
    const twin = new Twin();
    for (const p of averaged.parameters)
      twin.write(p, (await twin.read(p)).map((x: number) => 0.9 * x) as Float32Array);
    const parameters = new Map(trainedModel.parameters.map((p, i) => [p, averaged.parameters[i]!]));
    const translated = async (parameters?: ReadonlyMap<Tensor, Tensor>) => {
      const translator = new Translator(twin, trainedModel, { parameters });
      const [translation] = await translator.translate([sources[8]!], { beams: 2, ...atMost(6) });
      const { ids } = translation!;
      return [ids, Array.from((await translator.alignment(sources[8]!, ids)).mean())];
    };
    expect(await translated(parameters)).not.toEqual(await translated());
    for (const [i, p] of trainedModel.parameters.entries()) twin.write(p, await twin.read(averaged.parameters[i]!));
    expect(await translated(parameters)).toEqual(await translated());
  });

  test('refuses what it cannot translate', async () => {
    const model = little();
    const translator = new Translator(new Twin(), model);
    const refused = (ids: number[][], beams: number, message: string) =>
      expect(translator.translate(ids, { beams })).rejects.toThrow(new InputError(message));
    await refused([[3]], 0, 'translate: found 0 beams, expected a whole number of at least 1.');
    await refused([[3]], 1.5, 'translate: found 1.5 beams, expected a whole number of at least 1.');
    await refused([[23]], 1, 'translate: token id 23 is outside 0..22, the source vocabulary of this model.');
    await refused(
      [Array(24).fill(3)],
      2,
      'translate: found a source of 24 tokens, expected at most 23, which the context holds. Shorten it.',
    );
    await expect(async () => translator.alignment([3], [-1])).rejects.toThrow(
      'token id -1 is outside 0..22, the target',
    );
    await expect(new Translator(new Twin(), model, { sourceEnd: false }).translate([[]], { beams: 1 })).rejects.toThrow(
      'translate: found an empty source, expected at least one token.',
    );
    expect(await translator.translate([], { beams: 3 })).toEqual([]);
  });

  test('a model that gives NaN is refused, by beams, greedily and as a stream', async () => {
    const model = little();
    const twin = new Twin();
    twin.write(model.parameters.at(-1)!, new Float32Array(model.parameters.at(-1)!.size).fill(Number.NaN));
    const translator = new Translator(twin, model);
    for (const beams of [1, 2])
      await expect(translator.translate([[3]], { beams })).rejects.toThrow(/the model gave NaN for the next token/);
    await expect(streamed(translator, [3])).rejects.toThrow(/the model gave NaN/);
  });

  test('frees what it holds', async () => {
    const model = little();
    const translator = new Translator(device, model);
    const all = async () => {
      await translator.translate(sources.slice(3, 6), { beams: 2, ...atMost(3) });
      await translator.translate(sources.slice(9), { beams: 1, ...atMost(3) });
      await streamed(translator, sources[2]!);
      await translator.alignment(sources[2]!, [4]);
    };
    const { buffers } = device.shared;
    await all();
    translator.release();
    // The parameters are there, and what all plans share.
    const before = buffers.liveBytes;
    await all();
    expect(buffers.liveBytes).toBeGreaterThan(before);
    translator.release();
    expect(buffers.liveBytes).toBe(before);
    device.release(model.parameters);
  });

  test('says what it runs at most', () => {
    const translator = new Translator(new Twin(), little());
    const planned = translator.planned(12, 9, 20);
    expect(planned.map(({ batch }) => Object.entries(batch).map(([name, { shape }]) => `${name} ${shape}`))).toEqual([
      [`source 16,${pairWidth(9)}`, `mask 16,${pairWidth(9)}`],
      ['ids 16,1', 'positions 16,1', 'start 16', 'rows 16', 'begin 16'],
    ]);
  });
});

describe('an alignment', () => {
  test('is the softmax of every head, over the tokens of the source and its end', async () => {
    const [twin, model] = [new Twin(), little({ positions: 'rotary' })];
    const translator = new Translator(twin, model);
    const [source, target] = [
      [9, 4, 17, 3, 12],
      [6, 7, 8],
    ];
    const [S, T, D, heads] = [source.length + 1, target.length + 1, 8, 4];
    const alignment = await translator.alignment(source, target);
    expect(alignment).toMatchObject({ layers: 2, heads, sourceLength: S, targetLength: T });
    // Values that are rows of the identity give the probabilities themselves.
    const identity = Float32Array.from({ length: S * heads * D }, (_, i) =>
      Number(i % D === Math.floor(i / (heads * D))),
    );
    const looking = twin.compile(({ source, ids }: Record<string, Tensor>) => {
      const looks: Record<string, Tensor> = {};
      const cross = model.crossKeys(model.encode(source!, undefined));
      const onCross = (layer: number, q: Tensor, k: Tensor) => {
        looks[`p${layer}`] = attention(
          q,
          k,
          constant('identity', [1, S, heads * D], () => identity),
          { heads },
        );
      };
      model.decode(ids!, { cross }, { onCross });
      return looks;
    });
    const out = await looking({
      source: { shape: [1, S], data: Int32Array.from([...source, EOS]) },
      ids: { shape: [1, T], data: Int32Array.from([1, ...target]) },
    });
    const mean = new Float64Array(T * S);
    for (const layer of [0, 1]) {
      const expected = await out[`p${layer}`]!.read();
      for (let head = 0; head < heads; head++) {
        const weights = alignment.weights(layer, head);
        for (let t = 0; t < T; t++) {
          let sum = 0;
          for (let s = 0; s < S; s++) {
            const weight = weights[t * S + s]!;
            expect(weight).toBeCloseTo(expected[(t * heads + head) * D + s]!, 6);
            sum += weight;
            mean[t * S + s]! += weight / 8;
          }
          expect(sum).toBeCloseTo(1, 6);
        }
      }
    }
    near(alignment.mean(), mean);
  });

  test('on a device: the same', async () => {
    const [model, twin] = [little(), little()];
    const here = new Translator(device, model);
    const [own, expected] = [
      await here.alignment(sources[9]!, [5, 6]),
      await new Translator(new Twin(), twin).alignment(sources[9]!, [5, 6]),
    ];
    near(own.weights(1, 2), expected.weights(1, 2), 4);
    here.release();
    device.release(model.parameters);
  });

  test('attention weights: shared heads, what comes later, what is hidden, and a query that sees nothing', () => {
    // Two query heads of width 1 share one key head.
    const q = [0, 1, 0, Math.log(3)];
    const k = [0, 1, 2];
    const close = (found: Float32Array[], expected: number[][]) =>
      near(
        found.flatMap((each) => [...each]),
        expected.flat(),
      );
    const e = Math.E;
    close(attentionWeights(q, k, 2, { heads: 2, kvHeads: 1, causal: true }), [
      [1, 0, 0, 0.5, 0.5, 0],
      [1, 0, 0, 0.25, 0.75, 0],
    ]);
    close(attentionWeights(q, k, 2, { heads: 2, kvHeads: 1, causal: true, qOffset: 1, scale: 1, mask: [0, 1, 1] }), [
      [0, 1, 0, 0, 0.5, 0.5],
      [0, 1, 0, 0, 0.25, 0.75],
    ]);
    close(attentionWeights([1], [0, 1], 1, { heads: 1 }), [[1 / (1 + e), e / (1 + e)]]);
    close(attentionWeights([1], [0, 1], 1, { heads: 1, mask: [0, 0] }), [[0, 0]]);
  });
});

test('sources of about one length are together, from the shortest on', () => {
  expect([...sourceGroups([9, 3, 4, 80, 3, 30], 3)]).toEqual([[1, 4, 2], [0], [5], [3]]);
  expect([...sourceGroups([], 3)]).toEqual([]);
});
