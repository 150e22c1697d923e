// Masked language models: which tokens are taken out and what becomes of them, that a run that goes on takes out the same, and that
// the objective is learned.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { Encoder, encoderConfig } from '../src/nn/encoder.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { maskTask } from '../src/tasks/mask.ts';
import { guessedOf, type Masking, maskBatch, ordinaryIds, plannedMaskBatch } from '../src/tasks/mask_rows.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectSlopes } from './harness/finite_differences.ts';

const [V, END, MASK] = [1000, 0, 1];
const masking: Masking = { part: 0.15, maskId: MASK, padId: END, ordinary: ordinaryIds(V, [END, MASK]), seed: 7 };
const textOf = (length: number, from = 0) => Int32Array.from({ length }, (_, i) => 2 + ((from + i * 37) % (V - 2)));

describe('of the tokens of a text', () => {
  test('15 % are guessed, of which 80 % are masked, 10 % become any token and 10 % stay', () => {
    const [T, passes] = [200, 400];
    const ids = textOf(T);
    let [masked, other, stayed] = [0, 0, 0];
    const places = new Array<number>(T).fill(0);
    for (let pass = 0; pass < passes; pass++) {
      const { inputs, places: at, targets } = maskBatch([{ ids, number: 0 }], T, masking, pass);
      const guessed = new Set(at!.data);
      expect([guessed.size, ...targets!.data]).toEqual([30, ...Array.from(at!.data, (place) => ids[place])]);
      const touched = [...inputs!.data.keys()].filter((t) => inputs!.data[t] !== ids[t]);
      expect(touched.filter((t) => !guessed.has(t))).toEqual([]);
      for (const place of guessed) {
        places[place]!++;
        if (inputs!.data[place] === MASK) masked++;
        else if (inputs!.data[place] === ids[place]) stayed++;
        else other++;
      }
    }
    const all = 30 * passes;
    // Five standard deviations of the share of 12,000 draws.
    expect(Math.abs(masked / all - 0.8)).toBeLessThan(0.019);
    expect(Math.abs(other / all - 0.1)).toBeLessThan(0.014);
    expect(Math.abs(stayed / all - 0.1)).toBeLessThan(0.014);
    // Every place about as often: 60 times of 400, five standard deviations around it.
    expect(Math.min(...places)).toBeGreaterThan(60 - 36);
    expect(Math.max(...places)).toBeLessThan(60 + 36);
  });

  test('others are taken out in another pass, another row and with another seed, and the same ones in the same', () => {
    const ids = textOf(64);
    const taken = (pass: number, number: number, seed: number) =>
      String(maskBatch([{ ids, number }], 64, { ...masking, seed }, pass).inputs!.data);
    expect(taken(3, 2, 7)).toBe(taken(3, 2, 7));
    expect(new Set([taken(3, 2, 7), taken(4, 2, 7), taken(3, 1, 7), taken(3, 2, 8)]).size).toBe(4);
  });

  test('the mask and ends of texts are neither guessed nor put in, and a token is guessed of the shortest text', () => {
    const ids = Int32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? END : 5));
    for (let pass = 0; pass < 50; pass++) {
      const { targets, inputs } = maskBatch([{ ids, number: 0 }], 40, masking, pass);
      expect([...targets!.data].filter((id) => id >= 0)).toEqual([5, 5, 5]);
      expect(ids.every((id, t) => id !== END || inputs!.data[t] === END)).toBe(true);
    }
    const short = maskBatch(
      [
        { ids: textOf(1), number: 0 },
        { ids: new Int32Array([END]), number: 1 },
      ],
      8,
      masking,
      0,
    );
    expect([...short.targets!.data]).toEqual([2, -100]);
  });

  test('short ones are padded, and a row without any sees one column', () => {
    const rows = [textOf(3), textOf(8), new Int32Array()].map((ids, number) => ({ ids, number }));
    const { mask, inputs, places, targets } = maskBatch(rows, 8, { ...masking, part: 0.3 }, 0);
    expect([...mask!.data].map((each, i) => each * (i + 1)).filter(Boolean)).toEqual([
      ...[1, 2, 3],
      ...[9, 10, 11, 12, 13, 14, 15, 16],
      17,
    ]);
    expect([...inputs!.data.slice(3, 8)]).toEqual(new Array(5).fill(END));
    const shapes = { inputs: [3, 8], mask: [3, 8], places: [3, 2], targets: [3, 2] };
    expect(guessedOf(8, 0.3)).toBe(2);
    expect(
      Object.fromEntries(Object.entries({ inputs, mask, places, targets }).map(([n, v]) => [n, v!.shape])),
    ).toEqual(shapes);
    const planned = plannedMaskBatch(3, 8, 0.3);
    expect(Object.fromEntries(Object.entries(planned).map(([n, v]) => [n, v.shape]))).toEqual(shapes);
    expect([...places!.data.slice(4)]).toEqual([-1, -1]);
  });
});

const small = { vocabSize: 13, blockSize: 12, nEmbd: 16, nLayer: 1, nHead: 2, maskId: 1, initializerRange: 0.3 };
const rows = [0, 1, 2, 3].map((number) => ({
  ids: Int32Array.from({ length: 12 - 2 * (number % 3) }, (_, i) => 2 + ((number + i) % 11)),
  number,
}));
const own: Masking = { ...masking, part: 0.25, ordinary: ordinaryIds(13, [END, MASK]) };

test('gradients agree with finite differences, where rows are padded and lack targets', async () => {
  const [twin, model] = [new Twin(), new Encoder(encoderConfig({ ...small, norm: 'pre' }), { seed: 1 })];
  const task = maskTask();
  const compiled = twin.compile((batch): Record<string, Tensor> => {
    const { loss } = task.loss(model, batch);
    return { loss, ...Object.fromEntries([...backward(loss)].map(([p, gradient]) => [p.name, gradient])) };
  });
  await expectSlopes(twin, compiled, maskBatch(rows, 12, own, 5), model.parameters);
});

describe('on a device', () => {
  let device: Device;
  beforeAll(async () => {
    const wanted = process.env.SHADERFORMER_ADAPTER;
    device = await openDevice(wanted ? { adapter: wanted } : {});
  });
  afterAll(() => device.close());

  test('the loss is that of the twin, in half precision nearly, and its accuracy counts guesses', async () => {
    const model = new Encoder(encoderConfig(small), { seed: 1 });
    const batch = maskBatch(rows, 12, own, 5);
    const losses: number[] = [];
    const runs = [
      [new Twin(), 'f32'],
      [new Twin(), 'f16'],
      [device, 'f32'],
    ] as const;
    for (const [machine, dtype] of runs) {
      const compiled = machine.compile((given: Record<string, Tensor>) => {
        const { loss, kept, observed } = maskTask({ dtype }).loss(model, given);
        return { loss, kept, guesses: observed!.guesses! };
      });
      const found = await compiled(batch);
      losses.push((await found.loss!.read())[0]!);
      const kept = batch.targets!.data.filter((id) => id >= 0).length;
      expect((await found.kept!.read())[0]).toBe(kept);
      const guesses = await found.guesses!.read();
      const { accuracy } = maskTask().metrics!(batch, { guesses });
      const right = [...batch.targets!.data].filter((id, i) => id >= 0 && guesses[i] === id).length;
      expect([accuracy!.length, accuracy!.reduce((sum, each) => sum + each, 0)]).toEqual([kept, right]);
      compiled.release();
    }
    device.release(model.parameters);
    expect(losses[1]! / losses[0]!).toBeCloseTo(1, 2);
    expect(losses[2]! / losses[0]!).toBeCloseTo(1, 5);
  });

  test('what stands between its neighbours is learned, with other masks in every step', async () => {
    const model = new Encoder(encoderConfig({ ...small, nEmbd: 32, norm: 'pre', initializerRange: 0.1 }), { seed: 2 });
    const optimizer = new AdamW(model.parameters, { weightDecay: 0, gradClip: 1 });
    const trainer = new Trainer({ machine: device, model, optimizer, task: maskTask() });
    const last: { loss: number; metrics: Readonly<Record<string, number>> }[] = [];
    const next = (step: number) => ({ batches: [maskBatch(rows, 12, own, step)], learningRate: 3e-3 });
    for await (const step of trainer.advance(200, next)) if (step.step > 150) last.push(step);
    trainer.release();
    const mean = (of: (step: (typeof last)[number]) => number) => last.reduce((sum, step) => sum + of(step), 0) / 50;
    // Guessing among eleven tokens costs 2.4, and is right once in eleven times.
    expect(mean(({ loss }) => loss)).toBeLessThan(1);
    expect(mean(({ metrics }) => metrics.accuracy!)).toBeGreaterThan(0.7);
  });
});
