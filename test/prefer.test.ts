// Direct preference optimization: the loss against its formula and finite differences, what training does to the margins, the
// reference as numbers that belong to pairs, and batches of pairs.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import type { Batch, Machine } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { bytesSource, collectBytes, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import type { TokenRow } from '../src/data/instruct/encoded_rows.ts';
import { pairsHash, type TokenPair } from '../src/data/preference/encoded_pairs.ts';
import { InputError, RunError } from '../src/errors.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { lora } from '../src/nn/lora.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { type PreferTaskOptions, preferTask } from '../src/tasks/prefer.ts';
import { preferRows } from '../src/tasks/prefer_rows.ts';
import type { Precision, Tensor } from '../src/tensor/tensor.ts';
import { readReference, referenceFile, referenceLogProbabilities } from '../src/train/reference.ts';
import { hashOf } from '../src/train/snapshot.ts';
import type { StepResult } from '../src/train/step.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectSlopes } from './harness/finite_differences.ts';
import { expectClose } from './harness/op_compare.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const V = 23;
const small = (seed = 3) =>
  new GPT2(gpt2Config({ vocabSize: V, blockSize: 40, nEmbd: 16, nLayer: 2, nHead: 2, initializerRange: 0.2 }), {
    seed,
  });

/** A prompt of `prompt` tokens and an answer of `answer`. */
function row(prompt: number, answer: number, first: number): TokenRow {
  const length = prompt + answer;
  return {
    where: `row ${first}`,
    ids: Int32Array.from({ length }, (_, t) => (t < prompt ? (t * 5 + prompt) % V : (first + t * 7) % V)),
    trained: Uint8Array.from({ length }, (_, t) => (t < prompt ? 0 : 1)),
  };
}
const pair = (prompt: number, chosen: number, rejected: number, first = 1): TokenPair => ({
  chosen: row(prompt, chosen, first),
  rejected: row(prompt, rejected, first + 11),
});
/** Of one and two buckets. */
const pairs = [pair(3, 5, 2), pair(6, 1, 4, 2), pair(8, 20, 3, 5), pair(1, 7, 7, 8)];
const all = pairs.map((_, i) => i);

/** Away from what the model finds, by something else for each answer. */
const reference = Float32Array.from({ length: 2 * pairs.length }, (_, i) => -20 + 3 * Math.sin(i));

const gradients =
  (model: LanguageModel, options: PreferTaskOptions) =>
  (batch: Record<string, Tensor>): Record<string, Tensor> => {
    const { loss, kept, tokenLoss, observed } = preferTask(options).loss(model, batch);
    const named = [...backward(loss)].map(([parameter, gradient]) => [parameter.name, gradient] as const);
    return { loss, kept, tokenLoss, ...observed, ...Object.fromEntries(named) };
  };

/** Sum of ln p over what is trained on of each row, from the logits. */
async function logProbabilities(machine: Machine, model: LanguageModel, rows: readonly TokenRow[]): Promise<number[]> {
  const forward = machine.compile(({ ids }) => ({ logits: model.head(model.hidden(ids!)) }));
  const sums: number[] = [];
  for (const { ids, trained } of rows) {
    const logits = await (await forward({ ids: { shape: [1, ids.length], data: ids } })).logits!.read();
    const at = (t: number) => Array.from(logits.subarray(t * V, (t + 1) * V), Math.exp);
    const logP = (t: number) => Math.log(at(t - 1)[ids[t]!]! / at(t - 1).reduce((a, b) => a + b));
    sums.push([...ids.keys()].filter((t) => trained[t]).reduce((sum, t) => sum + logP(t), 0));
  }
  forward.release();
  return sums;
}
const answers = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe('the loss', () => {
  const batch = preferRows(pairs, reference, { blockSize: 40 }).batch(all);

  for (const labelSmoothing of [0, 0.1]) {
    test(`is -ln sigmoid of the margin, which is the wrong way round in ${labelSmoothing} of the pairs`, async () => {
      const [twin, model, beta] = [new Twin(), small(), 0.3];
      const got = await twin.compile(gradients(model, { beta, labelSmoothing }))(batch);
      const found = await logProbabilities(twin, model, answers);
      const rewards = found.map((logP, i) => beta * (logP - reference[i]!));
      const losses = pairs.map((_, i) => {
        const margin = rewards[2 * i]! - rewards[2 * i + 1]!;
        return -(1 - labelSmoothing) * Math.log(sigmoid(margin)) - labelSmoothing * Math.log(sigmoid(-margin));
      });
      expectClose('ln p', got.logProbabilities!.exact, found, 1e-6);
      expectClose('rewards', got.rewards!.exact, rewards, 1e-6);
      expectClose('losses', got.tokenLoss!.exact, losses, 1e-6);
      expectClose('loss', got.loss!.exact, [losses.reduce((a, b) => a + b) / pairs.length], 1e-6);
      expect(got.kept!.exact[0]).toBe(pairs.length);
    });
  }

  test('has gradients that agree with finite differences, and none of the reference', async () => {
    const [twin, model] = [new Twin(), small()];
    const compiled = twin.compile(gradients(model, { beta: 0.3, labelSmoothing: 0.1 }));
    const two = preferRows(pairs, reference, { blockSize: 40 }).batch([0, 1]);
    const analytic = await compiled(two);
    const results = ['loss', 'kept', 'tokenLoss', 'rewards', 'logProbabilities'];
    expect(Object.keys(analytic).sort()).toEqual([...results, ...model.parameters.map(({ name }) => name)].sort());
    await expectSlopes(twin, compiled, batch, model.parameters);
  });

  test.each([undefined, 4 * V * 8])(
    'is on the device what it is on the twin, logits in chunks of %s bytes',
    async (logitBytes) => {
      const model = small();
      const fn = gradients(model, { beta: 0.3, ...(logitBytes !== undefined && { logitBytes }) });
      const expected = await new Twin().compile(fn)(batch);
      for (const [name, output] of Object.entries(await device.compile(fn)(batch)))
        expectClose(name, await output.read(), expected[name]!.exact, 3e-5);
      device.release(model.parameters);
    },
  );

  test('and its gradients stay finite at margins of thousands, either way', async () => {
    const model = small();
    const fn = gradients(model, { beta: 1 });
    const far = preferRows(pairs.slice(0, 2), Float32Array.of(5000, -5000, -5000, 5000), { blockSize: 40 }).batch([
      0, 1,
    ]);
    const results = await device.compile(fn)(far);
    const tokenLoss = await results.tokenLoss!.read();
    expect(tokenLoss[0]).toBeGreaterThan(9000);
    expect(tokenLoss[1]).toBe(0);
    for (const [name, output] of Object.entries(results))
      expect(Array.from(await output.read()).every(Number.isFinite), name).toBe(true);
    device.release(model.parameters);
  });

  test('tells of every pair its margin, whose side wins, and both rewards', () => {
    const rewards = Float32Array.of(1, 0.25, -2, -1.5, 3, 3);
    expect(preferTask().metrics!({}, { rewards })).toEqual({
      rewardMargin: [0.75, -0.5, 0],
      rewardAccuracy: [1, 0, 0],
      chosenReward: [1, -2, 3],
      rejectedReward: [0.25, -1.5, 3],
    });
  });

  test('refuses rows that are no pairs', () => {
    const { inputs, targets } = batch;
    const odd = { shape: [3, 4], data: inputs!.data.subarray(0, 12) };
    const given = { inputs: odd, targets: { ...odd, data: targets!.data.subarray(0, 12) } };
    expect(() => graphOf((some) => ({ loss: preferTask().loss(small(), some).loss }), given)).toThrow(
      'prefer: found 3 rows, expected two for each pair. Make batches with preferRows().',
    );
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a beta of %s', (beta) => {
    expect(() => preferTask({ beta })).toThrow(InputError);
    expect(() => preferTask({ beta })).toThrow(`prefer: beta is ${beta}, expected a number above 0, such as 0.1.`);
  });

  test.each([-0.1, 0.5, Number.NaN])('refuses a label smoothing of %s', (labelSmoothing) => {
    expect(() => preferTask({ labelSmoothing })).toThrow(
      `prefer: labelSmoothing is ${labelSmoothing}, expected a number from 0 to below 0.5.`,
    );
  });
});

/** Trains on batches of these pairs, one after the other. */
async function trained(
  model: LanguageModel,
  optimizer: AdamW,
  rows: Batch[][],
  { steps, beta = 0.1, dtype = 'f32' }: { steps: number; beta?: number; dtype?: Precision },
): Promise<StepResult[]> {
  const task = preferTask({ beta, dtype });
  const trainer = new Trainer({ machine: device, model, optimizer, task, accumulate: rows[0]!.length });
  const results: StepResult[] = [];
  const next = (step: number) => ({ batches: rows[(step - 1) % rows.length]!, learningRate: 1e-3 });
  for await (const result of trainer.advance(steps, next)) results.push(result);
  return results;
}

describe('training', () => {
  test('begins at ln 2, and margins grow', async () => {
    const model = small();
    const found = await referenceLogProbabilities(device, model, pairs);
    const rows = preferRows(pairs, found, { blockSize: 40 });
    const results = await trained(model, new AdamW(model.parameters), [[rows.batch(all)]], { steps: 30 });
    const [first, last] = [results[0]!, results.at(-1)!];
    expect(Math.abs(first.loss - Math.LN2)).toBeLessThan(1e-5);
    expect(Math.abs(first.metrics.rewardMargin!)).toBeLessThan(1e-5);
    expect(last.loss).toBeLessThan(first.loss / 2);
    expect(last.metrics.rewardMargin).toBeGreaterThan(1);
    expect(last.metrics.rewardAccuracy).toBe(1);
    expect(last.metrics.chosenReward! - last.metrics.rejectedReward!).toBeCloseTo(last.metrics.rewardMargin!, 5);
    device.release(model.parameters);
  });

  test('in f16 begins at ln 2 too, with a reference in f16', async (context) => {
    if (!device.capabilities.features.has('shader-f16')) return context.skip('this adapter has no shader-f16');
    const model = small();
    const found = await referenceLogProbabilities(device, model, pairs, { dtype: 'f16' });
    const batches = [[preferRows(pairs, found, { blockSize: 40 }).batch(all)]];
    const optimizer = new AdamW(model.parameters, { lossScale: true });
    const results = await trained(model, optimizer, batches, { steps: 30, dtype: 'f16' });
    expect(Math.abs(results[0]!.loss - Math.LN2)).toBeLessThan(1e-5);
    expect(results.at(-1)!.loss).toBeLessThan(results[0]!.loss / 2);
    device.release(model.parameters);
  });

  test('in batches of one and three pairs, of different widths, is that on all four', async () => {
    const after: Float32Array[][] = [];
    const losses: number[][] = [];
    for (const parts of [[all], [[2], [0, 1, 3]]]) {
      const model = small();
      const rows = preferRows(pairs, reference, { blockSize: 40 });
      const batches = [parts.map((some) => rows.batch(some))];
      const results = await trained(model, new AdamW(model.parameters, { weightDecay: 0 }), batches, { steps: 3 });
      losses.push(results.map(({ loss }) => loss));
      const weights = model.parameters.filter(({ name }) => !name.endsWith('c_attn.bias'));
      after.push(await Promise.all(weights.map(async (p) => (await device.read(p)).slice() as Float32Array)));
      device.release(model.parameters);
    }
    expectClose('losses', losses[1]!, losses[0]!, 1e-6);
    for (const [i, values] of after[0]!.entries()) expectClose(`weights ${i}`, after[1]![i]!, values, 1e-4);
  });

  test('of an adapter leaves the reference as it was, to the bit', async () => {
    const base = small();
    const before = [await hashOf(device, base), await referenceLogProbabilities(device, base, pairs)] as const;
    const adapted = lora(base, { r: 2, targets: ['all-linear'], seed: 1 });
    const rows = preferRows(pairs, before[1], { blockSize: 40 });
    const optimizer = new AdamW(adapted.adapter.parameters);
    const results = await trained(adapted, optimizer, [[rows.batch(all)]], { steps: 10, beta: 1 });
    expect(Math.abs(results[0]!.loss - Math.LN2)).toBeLessThan(1e-5);
    expect(results.at(-1)!.loss).toBeLessThan(0.6);
    expect([await hashOf(device, base), await referenceLogProbabilities(device, base, pairs)]).toEqual(before);
    expect(await referenceLogProbabilities(device, adapted, pairs)).not.toEqual(before[1]);
    device.release([...base.parameters, ...adapted.adapter.parameters]);
  });
});

describe('the reference', () => {
  test('is the sum of ln p over each answer, whatever stands in a batch together', async () => {
    const [twin, model] = [new Twin(), small()];
    const told: [number, number][] = [];
    const onScored = (done: number, total: number) => void told.push([done, total]);
    const found = await referenceLogProbabilities(twin, model, pairs, { onScored });
    expectClose('ln p', found, await logProbabilities(twin, model, answers), 1e-6);
    expect(told).toEqual([
      [7, 8],
      [8, 8],
    ]);
  });

  test('is refused where it is not finite, with the kernel', async () => {
    const model = small();
    device.write(model.parameters.find(({ name }) => name.endsWith('ln_f.weight'))!, Float32Array.of(Number.NaN), 3);
    await expect(referenceLogProbabilities(device, model, pairs)).rejects.toThrow(RunError);
    await expect(referenceLogProbabilities(device, model, pairs)).rejects.toThrow(
      /^reference: row 1: found log-probability NaN of the chosen answer, expected a finite number\. .*Take another model\.$/s,
    );
    device.release(model.parameters);
  });

  const bytes = (of: readonly TokenPair[], values = reference) => collectBytes(referenceFile(of, values));

  test('comes back from its file to the bit', async () => {
    expect(await readReference(bytesSource('reference.safetensors', await bytes(pairs)), pairs)).toEqual(reference);
  });

  test('belongs to its pairs, in their order, with their masks', async () => {
    const source = bytesSource('run/reference.safetensors', await bytes(pairs));
    const [a, ...others] = pairs as [TokenPair, ...TokenPair[]];
    const unmasked = { ...a, chosen: { ...a.chosen, trained: a.chosen.trained.map(() => 1) } };
    for (const different of [
      [...others, a],
      others,
      [unmasked, ...others],
      [{ chosen: a.rejected, rejected: a.chosen }, ...others],
    ]) {
      await expect(readReference(source, different)).rejects.toThrow(
        `run/reference.safetensors: found log-probabilities of the pairs "${pairsHash(pairs)}", expected those of "${pairsHash(different)}". Resume with the data the run began with.`,
      );
    }
  });

  test('is of pairs of any length', () => {
    const long = pair(1, 300_000, 2);
    expect(pairsHash([long])).not.toBe(pairsHash([{ ...long, chosen: row(1, 300_000, 2) }]));
  });

  test('is refused from a file that is damaged or of something else', async () => {
    const read = (given: Uint8Array) => readReference(bytesSource('r', given), pairs);
    await expect(
      read(
        await bytes(
          pairs,
          reference.map((x, i) => (i === 3 ? Number.NaN : x)),
        ),
      ),
    ).rejects.toThrow('r: found 7 finite log-probabilities, expected 8. Resume from another checkpoint.');
    const other = await collectBytes(
      writeSafetensors([{ name: 'w', dtype: 'F32', shape: [1], data: new Float32Array(1) }]),
    );
    await expect(read(other)).rejects.toThrow(
      /^r: found log-probabilities of pairs without a hash, expected those of "/,
    );
    await expect(read((await bytes(pairs)).subarray(0, 40))).rejects.toThrow(InputError);
  });
});

describe('rows of pairs', () => {
  const rows = preferRows(pairs, reference, { blockSize: 40, padId: 22 });

  test('have both answers of a pair in neighbouring rows of one width, with their own reference', () => {
    const { inputs, targets, reference: values } = rows.batch([3, 0]);
    expect([inputs!.shape, targets!.shape, values!.shape]).toEqual([[4, 16], [4, 16], [4]]);
    expect([...values!.data]).toEqual([6, 7, 0, 1].map((i) => reference[i]));
    const { ids } = pairs[0]!.rejected;
    expect([...inputs!.data.subarray(48, 64)]).toEqual([...ids.slice(0, -1), ...Array(12).fill(22)]);
    expect([...targets!.data.subarray(48, 64)]).toEqual([-100, -100, ...ids.slice(3), ...Array(12).fill(-100)]);
  });

  test('are as wide as the longer answer, and never wider than the context', () => {
    expect(rows.length).toBe(4);
    expect(all.map(rows.lengthOf)).toEqual([7, 9, 27, 7]);
    expect(rows.batch([0, 2]).inputs!.shape).toEqual([4, 32]);
    expect(preferRows(pairs, reference, { blockSize: 30 }).batch([2]).inputs!.shape).toEqual([2, 30]);
  });

  test('are shown with the chosen answer first and what is trained on', () => {
    expect(rows.shown(0)).toEqual({
      ids: [...pairs[0]!.chosen.ids, ...pairs[0]!.rejected.ids],
      trained: [...Array(8).keys()].map((t) => t >= 3).concat([false, false, false, true, true]),
      note: 'chosen (5 tokens trained on), then rejected (2)',
    });
  });

  test('are refused with the reference of other pairs', () => {
    expect(() => preferRows(pairs.slice(1), reference, { blockSize: 40 })).toThrow(
      'prefer: found 8 log-probabilities for 3 pairs, expected 6. Compute them for these pairs.',
    );
  });
});
