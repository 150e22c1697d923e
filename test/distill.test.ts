// Distillation: the loss and its gradients, a teacher that stays as it is, and a student that comes to think as it does.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { InputError } from '../src/errors.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { Llama, llamaConfig } from '../src/nn/llama.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { crossEntropy } from '../src/ops/cross_entropy.ts';
import { klDivergence } from '../src/ops/kl_divergence.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { type DistillTaskOptions, distillTask } from '../src/tasks/distill.ts';
import { languageBatch } from '../src/tasks/language.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { Trainer } from '../src/train/trainer.ts';
import { expectSlopes } from './harness/finite_differences.ts';
import { expectClose } from './harness/op_compare.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const [V, T] = [23, 10];
const sizes = { vocabSize: V, blockSize: T, nEmbd: 16, nLayer: 1, nHead: 2, initializerRange: 0.3 };
const studentOf = (seed: number) => new GPT2(gpt2Config(sizes), { seed });
const teacherOf = (vocabSize = V) =>
  new Llama(llamaConfig({ ...sizes, vocabSize, nEmbd: 24, nLayer: 2, nHead: 4, kvHeads: 2 }), { seed: 9 });

const inputs = Int32Array.from({ length: 3 * T }, (_, i) => (i * 7 + (i >> 2)) % V);
const targets = inputs.map((id, i) => (i % T < 3 || i > 25 ? -100 : (5 * id + 2) % V));
const batch = languageBatch({ inputs, targets }, T);

const gradients =
  (model: LanguageModel, options: DistillTaskOptions) =>
  (given: Record<string, Tensor>): Record<string, Tensor> => {
    const { loss, tokenLoss, kept } = distillTask(options).loss(model, given);
    const named = [...backward(loss)].map(([parameter, gradient]) => [parameter.name, gradient] as const);
    return { loss, tokenLoss, kept, ...Object.fromEntries(named) };
  };

test.each([
  { temperature: 2, mix: 0.3 },
  { temperature: 1, mix: 1 },
  { temperature: 5, mix: 0 },
])('loss and gradients at temperature $temperature and mix $mix are those of the two losses', async (options) => {
  const [twin, student, teacher] = [new Twin(), studentOf(1), teacherOf()];
  const { temperature, mix } = options;
  const found = await twin.compile(gradients(student, { teacher, ...options }))(batch);
  const parts = await twin.compile(({ inputs: ids, targets: wanted }: Record<string, Tensor>) => {
    const [own, taught] = [student, teacher].map((model) => model.head(model.hidden(ids!)));
    return {
      hard: crossEntropy(own!, wanted!).loss,
      soft: klDivergence(own!, taught!, wanted!, { temperature }).loss,
    };
  })(batch);
  const loss = (1 - mix) * parts.hard!.exact[0]! + mix * temperature ** 2 * parts.soft!.exact[0]!;
  expect(found.loss!.exact[0]).toBeCloseTo(loss, 12);
  const sum = Array.from(found.tokenLoss!.exact).reduce((a, b) => a + b, 0);
  expect(sum / found.kept!.exact[0]!).toBeCloseTo(loss, 12);
  expect(found.kept!.exact[0]).toBe(Array.from(targets).filter((target) => target >= 0).length);
});

test('gradients agree with finite differences, and the device with its twin', async () => {
  const [twin, student, teacher] = [new Twin(), studentOf(1), teacherOf()];
  const fn = gradients(student, { teacher, temperature: 2, mix: 0.7 });
  const compiled = twin.compile(fn);
  const analytic = await compiled(batch);
  expect(Object.keys(analytic)).toEqual([
    'loss',
    'tokenLoss',
    'kept',
    ...Object.keys(analytic).filter((name) => student.parameters.some((parameter) => parameter.name === name)),
  ]);
  await expectSlopes(twin, compiled, batch, student.parameters);
  const got = await device.compile(fn)(batch);
  for (const [name, { exact }] of Object.entries(analytic)) expectClose(name, await got[name]!.read(), exact, 3e-5);
  device.release([...student.parameters, ...teacher.parameters]);
});

/** What both matter for: a share for the targets, and one for the teacher that its temperature scales. */
const half = { temperature: 4, mix: 0.7, dtype: 'f16' } as const;

test('in f16 loss and gradients are what they are in f32, as far as f16 goes', async () => {
  const [student, teacher] = [studentOf(1), teacherOf()];
  const exact = await new Twin().compile(gradients(student, { teacher, ...half, dtype: 'f32' }))(batch);
  const found = await new Twin().compile(gradients(student, { teacher, ...half }))(batch);
  for (const [name, { exact: expected }] of Object.entries(exact))
    expectClose(name, found[name]!.exact, expected, 0.02);
  expect(found.loss!.exact[0]).not.toBe(exact.loss!.exact[0]);
});

test('in f16 a student learns from its teacher, in steps of two batches', async (context) => {
  if (!device.capabilities.features.has('shader-f16')) return context.skip('this adapter has no shader-f16');
  const [student, teacher] = [studentOf(2), teacherOf()];
  const optimizer = new AdamW(student.parameters, { lossScale: true });
  const task = distillTask({ teacher, ...half, mix: 1 });
  const trainer = new Trainer({ machine: device, model: student, optimizer, task, accumulate: 2 });
  const told: number[] = [];
  const input = { batches: [batch, batch], learningRate: 1e-2 };
  for await (const { metrics } of trainer.advance(80, () => input)) told.push(metrics.kl!);
  expect(told.at(-1)!).toBeLessThan(0.2 * told[0]!);
  trainer.release();
  device.release(teacher.parameters);
});

test('a student learns how its teacher distributes tokens, and the teacher stays as it is, bit for bit', async () => {
  const [student, teacher] = [studentOf(2), teacherOf()];
  const task = distillTask({ teacher, temperature: 2, mix: 1 });
  const optimizer = new AdamW([...student.parameters, ...teacher.parameters], { weightDecay: 0.1 });
  expect(new Set(optimizer.gradients().keys())).toEqual(new Set(student.parameters));
  const valuesOf = async () => {
    const values: Float32Array[] = [];
    for (const parameter of teacher.parameters) values.push((await device.read(parameter)) as Float32Array);
    return values;
  };
  const before = await valuesOf();
  const trainer = new Trainer({ machine: device, model: student, optimizer, task });
  const told: { loss: number; kl: number }[] = [];
  for await (const { loss, metrics } of trainer.advance(120, () => ({ batches: [batch], learningRate: 1e-2 })))
    told.push({ loss, kl: metrics.kl! });
  for (const { loss, kl } of told) expect(Math.abs(loss - 4 * kl)).toBeLessThan(1e-5 * Math.max(1, loss));
  expect(told[0]!.kl).toBeGreaterThan(0.05);
  expect(told.at(-1)!.kl).toBeLessThan(0.1 * told[0]!.kl);
  expect(await valuesOf()).toEqual(before);
  trainer.release();
  device.release(teacher.parameters);
});

test('a student that equals its teacher has a divergence of 0, and nothing to learn from it', async () => {
  const [student, teacher] = [studentOf(4), studentOf(4)];
  const found = await device.compile(gradients(student, { teacher, temperature: 3, mix: 1 }))(batch);
  for (const [name, output] of Object.entries(found)) {
    const values = Array.from(await output.read());
    if (name === 'kept') expect(values).toEqual([targets.filter((target) => target >= 0).length]);
    else expect(values.map(Math.abs), name).toEqual(values.map(() => 0));
  }
  device.release([...student.parameters, ...teacher.parameters]);
});

test.each<[string, () => unknown, RegExp]>([
  [
    'another vocabulary',
    () => [studentOf(1), teacherOf(31)],
    /^distill: found a student \(gpt2\) of 23 tokens and a teacher \(llama\) of 31, expected one vocabulary\./,
  ],
  [
    'its own teacher',
    () => {
      const model = studentOf(1);
      return [model, model];
    },
    /^distill: found the student as its own teacher, expected another model\./,
  ],
])('%s is refused', (_, pair, message) => {
  const [student, teacher] = pair() as [LanguageModel, LanguageModel];
  const task = distillTask({ teacher });
  const traced = () => graphOf((given) => ({ loss: task.loss(student, given).loss }), batch);
  expect(traced).toThrow(InputError);
  expect(traced).toThrow(message);
});

test('rows longer than the context of the teacher are refused', () => {
  const teacher = new GPT2(gpt2Config({ ...sizes, blockSize: T - 1 }), { seed: 9 });
  const traced = () => graphOf((given) => ({ loss: distillTask({ teacher }).loss(studentOf(1), given).loss }), batch);
  expect(traced).toThrow(InputError);
  expect(traced).toThrow("distill: found rows of 10 tokens, expected at most the 9 of the teacher's context.");
});

test('a temperature or a mix out of range is refused', () => {
  const teacher = teacherOf();
  for (const temperature of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => distillTask({ teacher, temperature })).toThrow(`distill: found temperature ${temperature}, expected`);
  for (const mix of [-0.1, 1.1, Number.NaN])
    expect(() => distillTask({ teacher, mix })).toThrow(`distill: found mix ${mix}, expected a number from 0 to 1.`);
});
