// A step looked into: every dispatch against the twin on the values that it was given, and nothing of the run is changed by looking.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../src/autograd/machine.ts';
import { firstNotFinite, valuesOfDispatch } from '../src/look/dispatch_values.ts';
import { kernelText } from '../src/look/kernel_text.ts';
import { type PlannedStep, StepPlans } from '../src/look/step_plan.ts';
import { timeStep } from '../src/look/step_time.ts';
import { Llama, llamaConfig } from '../src/nn/llama.ts';
import { lora } from '../src/nn/lora.ts';
import type { LanguageModel } from '../src/nn/model.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { tooLargeToCopy } from '../src/runtime/copied_replays.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { kernel } from '../src/schedule/kernel.ts';
import { languageTask } from '../src/tasks/language.ts';
import type { Tensor } from '../src/tensor/tensor.ts';
import { Trainer } from '../src/train/trainer.ts';
import { CONTEXT, tinyRun, vocabSize } from './harness/tiny_training.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

type Run = Pick<ReturnType<typeof tinyRun>, 'batch' | 'release'> & { trainer: Trainer<LanguageModel> };

/** A run around another model. */
function runOf(machine: Machine, model: LanguageModel, parameters: readonly Tensor[]): Run {
  const { batch } = tinyRun(machine);
  const optimizer = new AdamW(parameters, { gradClip: 1 });
  const trainer = new Trainer({ machine, model, optimizer, task: languageTask() });
  return { batch, trainer, release: () => trainer.release() };
}

const llama = () =>
  new Llama(
    llamaConfig({ vocabSize, blockSize: CONTEXT, nEmbd: 16, nLayer: 2, nHead: 2, kvHeads: 1, initializerRange: 0.08 }),
    { seed: 1 },
  );

const runs: Record<string, () => { run: Run; accumulate?: number }> = {
  'GPT-2 with AdamW and dropout': () => ({
    run: tinyRun(device, { ema: 0.9, task: { dropout: { p: 0.1, seed: 1 } } }),
  }),
  'GPT-2 that stores halves': () => ({
    run: tinyRun(device, { adamw: { lossScale: true }, task: { dtype: 'f16' } }),
  }),
  'GPT-2 with Muon': () => ({ run: tinyRun(device, { muon: { newtonSchulzSteps: 2 } }) }),
  'two batches a step': () => ({ run: tinyRun(device, { accumulate: 2 }), accumulate: 2 }),
  'a Llama': () => {
    const model = llama();
    return { run: runOf(device, model, model.parameters) };
  },
  'an adapter': () => {
    const adapted = lora(llama(), { r: 2, alpha: 4, seed: 0 });
    return { run: runOf(device, adapted, adapted.parameters) };
  },
};

/** Brings a run to step 2, and plans the one behind it. */
async function third({ trainer, batch }: Run, accumulate = 1): Promise<PlannedStep> {
  const batches = () => Array.from({ length: accumulate }, batch);
  for await (const _ of trainer.advance(2, () => ({ batches: batches(), learningRate: 0.01 })));
  return new StepPlans().plan(device, trainer.replays(3, { batches: batches(), learningRate: 0.01 }));
}

async function bits(tensors: readonly Tensor[]): Promise<string[]> {
  const all: string[] = [];
  for (const tensor of tensors) {
    const { buffer } = await device.read(tensor);
    all.push(Buffer.from(buffer).toString('base64'));
  }
  return all;
}

describe('every dispatch of a step agrees with the twin, and looking changes nothing', () => {
  for (const [name, make] of Object.entries(runs)) {
    test(name, async (context) => {
      if (name.includes('halves') && !device.capabilities.features.has('shader-f16'))
        return context.skip('this adapter has no shader-f16');
      const { run, accumulate } = make();
      const step = await third(run, accumulate);
      const before = await bits(run.trainer.tensors());
      const live = device.shared.buffers.liveBytes;
      const worst: string[] = [];
      for (const [i, { dispatch }] of step.dispatches.entries()) {
        const seen = await valuesOfDispatch(device, step, i);
        const compared = seen.flatMap((each) => (each.compared ? [each.compared] : []));
        if (compared.length === 0) worst.push(`${i} ${dispatch.scope} ${dispatch.kernel}: nothing compared`);
        for (const { name: binding, compared: own } of seen)
          if (own && !(own.difference <= own.tolerance))
            worst.push(
              `${i} ${dispatch.scope} ${dispatch.kernel} ${binding}: ${own.difference} > ${own.tolerance} (${own.terms})`,
            );
      }
      expect(worst).toEqual([]);
      // In halves the first steps overflow: the loss scale is still too large, and they are skipped.
      if (!name.includes('halves')) expect(await firstNotFinite(device, step)).toBe(null);
      expect(device.shared.buffers.liveBytes).toBe(live);
      expect(await bits(run.trainer.tensors())).toEqual(before);
      run.release();
    });
  }
});

test('a kernel that computes something else is told from the twin, and no other is blamed', async () => {
  const run = tinyRun(device);
  const step = await third(run);
  const [{ plan }] = step.replays as [PlannedStep['replays'][number]];
  const wrong = step.dispatches.findIndex(({ dispatch }) => dispatch.op === 'gelu_tanh');
  const { uniform } = step.dispatches[wrong]!.dispatch;
  // One number less: the last of its values stays as it was.
  const sizes = plan.uniforms.slice();
  const field = kernel('gelu_tanh').sizes.find(({ name }) => name === 'N')!;
  const view = new DataView(sizes.buffer, uniform! + field.offset, 4);
  view.setUint32(0, view.getUint32(0, true) - 1, true);
  const changed: PlannedStep = { ...step, replays: [{ ...step.replays[0]!, plan: { ...plan, uniforms: sizes } }] };
  const agrees = async (index: number) => {
    const seen = await valuesOfDispatch(device, changed, index);
    return seen.every(({ compared }) => !compared || compared.difference <= compared.tolerance);
  };
  expect(await agrees(wrong - 1)).toBe(true);
  expect(await agrees(wrong)).toBe(false);
  expect(await agrees(wrong + 1)).toBe(true);
  run.release();
});

test('a step that ended the run can be looked into: its first value that is not finite, as the message names it', async () => {
  const run = tinyRun(device);
  const { trainer, model, batch } = run;
  const weight = model.parameters.find(({ name }) => name.endsWith('h.1.mlp.c_fc.weight'))!;
  device.write(weight, (await device.read(weight)).fill(Number.POSITIVE_INFINITY, 5, 6));
  const message = await (async () => {
    for await (const _ of trainer.advance(1, () => ({ batches: [batch()], learningRate: 0.01 })));
  })().catch((error: Error) => error.message);
  const kernelNamed = /\(kernel (\w+)\)/.exec(String(message))![1];
  expect(trainer.halted?.batches.length).toBe(1);
  const step = new StepPlans().plan(device, trainer.replays(trainer.step + 1, trainer.halted!));
  const first = step.dispatches[(await firstNotFinite(device, step))!]!.dispatch;
  expect([first.scope, kernelNamed]).toEqual(['h.1.mlp', first.kernel]);
  run.release();
});

test('each dispatch is timed on a copy, which is given back', async () => {
  const run = tinyRun(device);
  const step = await third(run);
  const before = await bits(run.trainer.tensors());
  const live = device.shared.buffers.liveBytes;
  const time = (await timeStep(device, step, () => false))!;
  expect(time.ms.length).toBe(step.dispatches.length);
  expect(time.ms.every((ms) => ms >= 0 && ms < 1e4)).toBe(true);
  expect(time.ms.reduce((sum, ms) => sum + ms)).toBeGreaterThan(0);
  expect(time.stepMs).toBeGreaterThan(0);
  expect(await timeStep(device, step, () => true)).toBe(null);
  expect(device.shared.buffers.liveBytes).toBe(live);
  expect(await bits(run.trainer.tensors())).toEqual(before);
  run.release();
});

test('a step that is too large to be there twice is refused with what it needs', async () => {
  const run = tinyRun(device);
  const step = await third(run);
  expect(tooLargeToCopy(step.replays)).toBe(null);
  expect(tooLargeToCopy(step.replays, 1000)).toMatch(
    /^step: it keeps \d\.\d MiB of weights and state, expected at most 0\.0 MiB/,
  );
  run.release();
});

test("a dispatch's text is its file with the snippets behind it, and its Sizes are those that it runs with", async () => {
  const run = tinyRun(device);
  const { dispatches, replays } = await third(run);
  const opened = dispatches.find(({ dispatch }) => dispatch.kernel === 'gelu_tanh')!;
  const { code, ownLines, sizes } = kernelText(opened.dispatch, replays[0]!.plan.uniforms);
  expect(code).toBe(kernel('gelu_tanh').code);
  expect(code.split('\n').slice(0, ownLines).join('\n')).toContain('fn main');
  expect(code.split('\n').slice(ownLines).join('\n')).toContain('fn ');
  expect(sizes.N).toBe(opened.dispatch.bindings[0]!.value!.size);
  run.release();
});
