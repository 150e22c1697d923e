// Activation checkpointing: less memory, the same bits.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { recompute } from '../src/autograd/graph.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { gelu } from '../src/ops/activations.ts';
import { assign } from '../src/ops/copy.ts';
import { matmul } from '../src/ops/matmul.ts';
import { leastCapabilities } from '../src/ops/op.ts';
import { mean } from '../src/ops/sum.ts';
import { AdamW } from '../src/optim/adamw.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { languageTask } from '../src/tasks/language.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { faultsOf } from './harness/plan_check.ts';
import { train } from './harness/tiny_training.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

/** The plan of a training step of a model with six layers. */
function planned(again: boolean) {
  const config = gpt2Config({ vocabSize: 65, blockSize: 64, nEmbd: 64, nLayer: 6, nHead: 4 });
  const model = new GPT2(config, { seed: 1 });
  const optimizer = new AdamW(model.parameters);
  const task = languageTask({ recompute: again });
  const tokens = { shape: [8, 64], data: new Int32Array(0) };
  const graph = graphOf((batch) => optimizer.step(backward(task.loss(model, batch).loss)), {
    inputs: tokens,
    targets: tokens,
  });
  return { graph, plan: makePlan(graph, leastCapabilities) };
}

const bytes = (sizes: readonly number[]) => sizes.reduce((a, b) => a + b, 0);

describe('a stretch that is computed again', () => {
  test('is planned without faults, and takes less than half of the memory', () => {
    const [kept, again] = [planned(false), planned(true)];
    expect(faultsOf(again.plan, again.graph)).toEqual([]);
    expect(bytes(again.plan.arena)).toBeLessThan(0.5 * bytes(kept.plan.arena));
  });

  test('repeats what the backward pass reads, and nothing else', () => {
    const nodes = planned(true).plan.dispatches.filter((d) => d.scope.startsWith('h.0') && d.scope.endsWith('.again'));
    // The second linear layer of the MLP is not read again: its values are the block's output.
    const read = 'layernorm matmul attention matmul layernorm matmul gelu_tanh';
    expect(nodes.map((d) => d.op)).toEqual(read.split(' '));
  });

  test('may not write to state, which would be done twice', () => {
    const state = new Tensor({ kind: 'state', name: 's', shape: [2, 2] });
    const x = { x: { shape: [2, 2], data: new Float32Array(4) } };
    const written = (t: Record<string, Tensor>) => {
      recompute(() => assign(state, t.x!));
      return {};
    };
    expect(() => graphOf(written, x)).toThrow(
      /^assign: found inside recompute\(\), where it would be done twice\. Write to state outside\.$/,
    );
  });

  test('inside another belongs to the outer one', async () => {
    const w = new Tensor({ kind: 'parameter', name: 'w', shape: [3, 3], init: () => new Float32Array(9).fill(0.3) });
    const loss = (x: Tensor, again: boolean) => {
      const inner = (y: Tensor) => gelu(matmul(y, w), 'tanh');
      const outer = () => (again ? recompute(() => inner(x)) : inner(x));
      return mean(inner(again ? recompute(outer) : outer()));
    };
    const x = { x: { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) } };
    const run = async (again: boolean) => {
      const compiled = device.compile((t) => ({ dw: backward(loss(t.x!, again)).get(w)! }));
      const { dw } = await compiled(x);
      const values = await dw.read();
      compiled.release();
      return values;
    };
    expect(await run(true)).toEqual(await run(false));
    device.release([w]);
  });
});

test.each([
  ['plain', {}],
  ['with dropout', { dropout: { p: 0.1, seed: 3 } }],
])('a run that recomputes its blocks ends at the same bits, %s', async (_, task) => {
  const options = { maxSteps: 10, evalEvery: 5, sampleEvery: 0, saveEvery: 0 };
  const kept = await train(device, { ...options, task });
  const again = await train(device, { ...options, task: { ...task, recompute: true } });
  expect(again.told).toEqual(kept.told);
  expect(again.hash).toBe(kept.hash);
});
