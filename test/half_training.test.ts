// Training that stores in f16: it follows f32, its loss scale comes down and up, and an interruption leaves no trace. What needs a
// device with f16 is skipped with the reason where there is none; the twin, which rounds as storage does, is asked everywhere.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { readFileOf } from '../src/cli/elsewhere/files.ts';
import { MOST_STORAGE, STORAGE_FACTOR } from '../src/cli/golden/judge.ts';
import { runGolden } from '../src/cli/golden/run_golden.ts';
import { NotFiniteError } from '../src/errors.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { FIRST_LOSS_SCALE, gate, LOSS_SCALE_GROWS_AFTER, MOST_LOSS_SCALE } from '../src/ops/gate.ts';
import { constant, leastCapabilities } from '../src/ops/op.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { controlTensor, lossScaleTensor } from '../src/optim/optimizer.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { languageBatch, languageTask } from '../src/tasks/language.ts';
import { memoryOf } from '../src/train/memory.ts';
import { Trainer } from '../src/train/trainer.ts';
import { CONTEXT, ids, type Outcome, type TinyOptions, tinyRun, train } from './harness/tiny_training.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const onHalf = (name: string, run: () => Promise<void>) =>
  test(name, async (context) => {
    if (!device.capabilities.features.has('shader-f16')) context.skip(`${device.name} has no shader-f16`);
    await run();
  });

const half: TinyOptions = { task: { dtype: 'f16' }, adamw: { lossScale: true } };
const halfMuon: TinyOptions = { task: { dtype: 'f16' }, muon: { lossScale: true } };

/** Losses and gradient norms of some steps. */
async function figures(machine: Machine, options: TinyOptions, steps: number) {
  const { trainer, batch, release } = tinyRun(machine as Device, options);
  const { accumulate = 1 } = options;
  const next = () => ({ batches: Array.from({ length: accumulate }, batch), learningRate: 0.01 });
  const [losses, norms]: [number[], number[]] = [[], []];
  for await (const { loss, gradNorm, overflowed } of trainer.advance(steps, next)) {
    expect(overflowed).toBe(false);
    losses.push(loss);
    norms.push(gradNorm);
  }
  release();
  return { losses, norms };
}

const farthest = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

describe('follows f32', () => {
  const steps = 5;
  const ways: [string, TinyOptions, TinyOptions][] = [
    ['AdamW', {}, half],
    ['several batches a step', { accumulate: 2 }, { ...half, accumulate: 2 }],
    ['Muon, dropout, blocks and logits computed again', ...again()],
  ];
  for (const [name, exact, rounded] of ways) {
    onHalf(`${name}: no farther than storage costs the twin`, async () => {
      const truth = await figures(new Twin(), exact, steps);
      const twin = await figures(new Twin(), rounded, steps);
      const got = await figures(device, rounded, steps);
      for (const each of ['losses', 'norms'] as const) {
        const cost = farthest(twin[each], truth[each]);
        expect(cost, each).toBeGreaterThan(0);
        const most = each === 'losses' ? MOST_STORAGE.loss : MOST_STORAGE.grad_norm;
        expect(cost, each).toBeLessThan(most * Math.max(...truth[each]));
        // See STORAGE_FACTOR; and what f32 is allowed.
        expect(farthest(got[each], truth[each]), each).toBeLessThan(STORAGE_FACTOR * cost + 1e-5);
      }
    });
  }

  function again(): [TinyOptions, TinyOptions] {
    const task = { recompute: true, dropout: { p: 0.1, seed: 3 }, logitBytes: 2000 };
    return [
      { muon: {}, task, pieceBytes: 1000 },
      { muon: { lossScale: true }, task: { ...task, dtype: 'f16' }, pieceBytes: 1000 },
    ];
  }

  onHalf('32 tokens are learnt by heart', async () => {
    const { trainer, release } = tinyRun(device, { ...half, adamw: { weightDecay: 0, lossScale: true } });
    const batch = languageBatch({ inputs: ids.slice(0, 32), targets: ids.slice(1, 33) }, CONTEXT);
    let last = Number.POSITIVE_INFINITY;
    for await (const { loss } of trainer.advance(200, () => ({ batches: [batch], learningRate: 0.01 }))) last = loss;
    release();
    expect(last).toBeLessThan(0.05);
  });

  onHalf("a whole run of PyTorch's, weights and logits too", async () => {
    const files = { read: readFileOf(path.dirname(fileURLToPath(new URL('golden/index.json', import.meta.url)))) };
    const details: string[] = [];
    const summary = await runGolden({
      machine: device,
      files,
      only: ['gpt2'],
      dtype: 'f16',
      onCase: ({ ok, detail }) => details.push(`${ok} ${detail}`),
    });
    expect(summary, details.join()).toEqual({ passed: 1, failed: 0, skipped: 0 });
  });
});

/** What every machine that stores in f16 must do. */
function scaling(name: string, machineOf: () => Machine, run: typeof test | typeof onHalf) {
  describe(`the loss scale, on ${name}`, () => {
    const began = (options: TinyOptions, scale: readonly number[]) => {
      const made = tinyRun(machineOf() as Device, options);
      const { optimizer } = made;
      machineOf().write(optimizer.lossScale!, Float32Array.from(scale));
      const next = () => ({
        batches: Array.from({ length: options.accumulate ?? 1 }, made.batch),
        learningRate: 0.01,
      });
      return { ...made, next };
    };

    run('comes down while gradients overflow, and nothing else changes', async () => {
      for (const options of [half, halfMuon, { ...half, accumulate: 2, ema: 0.9 }]) {
        const { trainer, model, optimizer, next, release } = began(options, [2 ** 40, 7]);
        const [weight] = model.parameters;
        const before = await machineOf().read(weight!);
        const scales: number[] = [];
        let applied = 0;
        for await (const { overflowed, lossScale, loss, gradNorm } of trainer.advance(30, next)) {
          scales.push(lossScale!);
          expect(loss).toBeGreaterThan(0);
          expect(Number.isFinite(gradNorm)).toBe(!overflowed);
          if (scales.length === 1) expect(overflowed).toBe(true);
          if (overflowed) expect(applied).toBe(0);
          if (!overflowed && ++applied === 2) break;
        }
        expect(scales.slice(0, -1)).toEqual(scales.slice(0, -1).map((_, i) => 2 ** (40 - i)));
        expect(scales.at(-1)).toBe(scales.at(-2));
        const [steps, , , latch] = await machineOf().read(optimizer.control);
        // Those that were queued behind the last one looked at count too.
        expect(steps).toBeGreaterThanOrEqual(2);
        expect(latch).toBe(0);
        expect(await machineOf().read(weight!)).not.toEqual(before);
        release();
      }
    });

    run('leaves weights, moments and averages alone in a step that overflows', async () => {
      const { trainer, model, optimizer, next, release } = began({ ...half, ema: 0.9 }, [2 ** 40, 7]);
      const kept = [...model.parameters, ...trainer.ema!.tensors(), optimizer.state().get('m.transformer.wpe.weight')!];
      const read = () => Promise.all(kept.map((tensor) => machineOf().read(tensor)));
      const before = await read();
      for await (const { overflowed } of trainer.advance(1, next)) expect(overflowed).toBe(true);
      expect(await read()).toEqual(before);
      expect([...(await machineOf().read(optimizer.lossScale!))]).toEqual([2 ** 39, 0]);
      release();
    });

    run('doubles after enough steps without overflow, and begins to count anew', async () => {
      for (const [scale, then] of [
        [2 ** 10, 2 ** 11],
        [FIRST_LOSS_SCALE, 2 * FIRST_LOSS_SCALE],
      ] as const) {
        const { trainer, optimizer, next, release } = began(half, [scale, LOSS_SCALE_GROWS_AFTER - 1]);
        for await (const { overflowed } of trainer.advance(1, next)) expect(overflowed).toBe(false);
        expect([...(await machineOf().read(optimizer.lossScale!))]).toEqual([then, 0]);
        release();
      }
    });

    run('does not double beyond its largest', async () => {
      const [control, lossScale] = [controlTensor(), lossScaleTensor()];
      machineOf().write(lossScale, Float32Array.of(MOST_LOSS_SCALE, LOSS_SCALE_GROWS_AFTER - 1));
      const compiled = machineOf().compile(() => {
        const norm = constant('norm', [1], () => Float32Array.of(1));
        const { seen } = gate({ norm, control, lossScale }, { maxNorm: 1, beta1: 0.9, beta2: 0.99, latch: true });
        return { seen };
      });
      await compiled({});
      expect([...(await machineOf().read(lossScale))]).toEqual([MOST_LOSS_SCALE, 0]);
      compiled.release();
      machineOf().release([control, lossScale]);
    });

    run('does not excuse a loss that is not finite', async () => {
      const { trainer, model, optimizer, next, release } = began(half, [2 ** 10, 7]);
      const weight = model.parameters.find((p) => p.name.endsWith('h.1.mlp.c_fc.weight'))!;
      machineOf().write(weight, new Float32Array(weight.size).fill(Number.NaN));
      const steps = async () => {
        for await (const { overflowed } of trainer.advance(3, next)) expect(overflowed).toBe(false);
      };
      const failure = await steps().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(NotFiniteError);
      expect((failure as Error).message).toMatch(
        /^step 1: loss NaN, .*The weight .*c_fc\.weight holds NaN .* or train in f32,/,
      );
      expect([...(await machineOf().read(optimizer.lossScale!))]).toEqual([2 ** 10, 7]);
      expect((await machineOf().read(optimizer.control))[3]).toBe(1);
      release();
    });
  });
}
const twin = new Twin();
scaling('the twin', () => twin, test);
scaling('the device', () => device, onHalf);

describe('a run', () => {
  /** The checkpoint of a run after four steps, as if its scale had grown so large. */
  async function atScale(scale: number) {
    const { checkpoints } = await train(device, { ...half, maxSteps: 4, evalEvery: 0, sampleEvery: 0 });
    const checkpoint = checkpoints.at(-1)!;
    const optimizer = checkpoint.optimizer.slice();
    const at = find(optimizer, Float32Array.of(FIRST_LOSS_SCALE, 4));
    optimizer.set(new Uint8Array(Float32Array.of(scale, 4).buffer), at);
    return { ...checkpoint, optimizer };
  }

  onHalf('tells every step with its scale, and an overflow as a warning', async () => {
    const resume = await atScale(2 ** 40);
    const { told } = await train(device, { ...half, resume, maxSteps: 8, evalEvery: 0, sampleEvery: 0 });
    expect(told[0]).toMatchObject({ event: 'step', step: 5, lossScale: 2 ** 40 });
    expect(told[1]).toEqual({
      event: 'warning',
      step: 5,
      text: `the gradients overflow f16 at the loss scale ${2 ** 40}: the step is skipped, the scale is ${2 ** 39} from now on.`,
    });
    expect(told[2]).toMatchObject({ event: 'step', step: 6, lossScale: 2 ** 39 });
  });

  onHalf('goes on from a checkpoint to the same bits, amid overflows too', async () => {
    const amid = { ...half, resume: await atScale(2 ** 40) };
    for (const options of [half, { ...halfMuon, accumulate: 2, ema: 0.9 }, amid]) {
      const whole: Outcome = await train(device, options);
      const cut = whole.checkpoints.find(({ progress }) => progress.step === 12)!;
      const rest = await train(device, { ...options, resume: cut });
      expect(rest.hash).toBe(whole.hash);
      const later = ({ told }: Outcome) => told.filter(({ step, event }) => event !== 'save' && step > 12);
      expect(later(rest)).toEqual(later(whole));
    }
  });
});

/** Where some numbers stand in a file. */
function find(bytes: Uint8Array, values: Float32Array): number {
  const wanted = [...new Uint8Array(values.buffer)].join();
  for (let at = 0; at + 8 <= bytes.length; at++) if (bytes.slice(at, at + 8).join() === wanted) return at;
  throw new Error('not in the file');
}

describe('what f32 does', () => {
  const config = gpt2Config({ vocabSize: 512, blockSize: 64, nEmbd: 64, nLayer: 2, nHead: 2 });
  const planned = (dtype: 'f32' | 'f16') => {
    const model = new GPT2(config, { seed: 1 });
    const optimizer = new AdamW(model.parameters, { lossScale: dtype === 'f16' });
    const trainer = new Trainer({ machine: new Twin(), model, optimizer, task: languageTask({ dtype }) });
    const rows = { inputs: new Int32Array(32 * 64), targets: new Int32Array(32 * 64) };
    const graph = graphOf(trainer.stepFunction, languageBatch(rows, 64));
    return makePlan(graph, { ...leastCapabilities, features: new Set(['shader-f16']) });
  };

  test('is not touched by f16: no cast, no scale, no half', () => {
    const { dispatches } = planned('f32');
    expect(dispatches.filter(({ kernel, half: aliases }) => kernel === 'cast' || aliases.length > 0)).toEqual([]);
    const names = dispatches.flatMap(({ bindings }) => bindings.map(({ value }) => value?.name));
    expect(names).not.toContain('optimizer.lossScale');
  });

  test('takes more memory: activations nearly twice as much', () => {
    const [f32, f16] = [memoryOf([planned('f32')]), memoryOf([planned('f16')])];
    expect(f16.bytes.activations).toBeLessThan(0.6 * f32.bytes.activations);
    expect(f16.bytes.parameters).toBe(f32.bytes.parameters);
    expect(f16.bytes.gradients).toBe(f32.bytes.gradients);
    expect(f16.total).toBeLessThan(f32.total);
  });
});
