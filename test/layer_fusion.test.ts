// What the layers of a model do in fewer dispatches, against the same written with an operation each.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { layernorm } from '../src/ops/layernorm.ts';
import { mul } from '../src/ops/mul.ts';
import { constant, leastCapabilities } from '../src/ops/op.ts';
import { sum, sumTo } from '../src/ops/sum.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { normal } from '../src/tensor/random.ts';
import { type Shape, sizeOf } from '../src/tensor/shape.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { expectClose } from './harness/op_compare.ts';
import type { Named } from './harness/op_sample.ts';

let device: Device;
beforeAll(async () => {
  const adapter = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(adapter ? { adapter } : {});
});
afterAll(() => device.close());
const kernelsOf = (fn: () => Named) => makePlan(graphOf(fn, {}), leastCapabilities).dispatches.map((d) => d.kernel);
const real = (name: string, shape: Shape, stream: number) =>
  new Tensor({ kind: 'parameter', name, shape, init: () => normal(sizeOf(shape), 1, 5, stream) });

async function results(fn: () => Named, parameters: readonly Tensor[]): Promise<Map<string, Float32Array>> {
  const compiled = device.compile(fn);
  const read = new Map<string, Float32Array>();
  for (const [name, output] of Object.entries(await compiled({})))
    read.set(name, (await output.read()) as Float32Array);
  compiled.release();
  device.release(parameters);
  return read;
}

describe("LayerNorm's gradients of weight and bias", () => {
  const layer = (R: number, C: number) => ({
    x: real('x', [R, C], 0),
    weight: real('weight', [C], 1),
    bias: real('bias', [C], 2),
    dy: () => constant('dy', [R, C], () => normal(R * C, 1, 6, 0)),
  });
  const eps = 1e-5;

  // Rows of whole vectors and of others; one part of the rows, and many of which the last is short.
  test.each([
    [9, 12],
    [700, 36],
    [131, 33],
  ])('%d x %d: those of products and sums', async (R, C) => {
    const { x, weight, bias, dy } = layer(R, C);
    const fused = () => {
      const gradients = backward(sum(mul(layernorm(x, weight, bias, { eps }), dy())));
      return { dweight: gradients.get(weight)!, dbias: gradients.get(bias)! };
    };
    const apart = () => {
      const ones = constant('ones', [C], () => new Float32Array(C).fill(1));
      const normalised = layernorm(x, ones, null, { eps });
      return { dweight: sumTo(mul(dy(), normalised), [C]), dbias: sumTo(dy(), [C]) };
    };
    const [got, expected] = [await results(fused, [x, weight, bias]), await results(apart, [x])];
    // Sums of up to 700 numbers of about 1, in another order.
    for (const [name, values] of expected) expectClose(name, got.get(name)!, values, 2e-6);
    expect(await results(fused, [x, weight, bias])).toEqual(got);
  });

  test('the sums over parts of the rows meet in one dispatch', () => {
    const { x, weight, bias, dy } = layer(768, 128);
    x.trainable = false;
    const kernels = kernelsOf(() => {
      const gradients = backward(sum(mul(layernorm(x, weight, bias, { eps }), dy())));
      return { dweight: gradients.get(weight)!, dbias: gradients.get(bias)! };
    });
    const first = kernels.indexOf('layernorm_backward_params_vec4');
    expect(kernels.slice(first)).toEqual(['layernorm_backward_params_vec4', 'layernorm_backward_params_sum']);
  });
});

describe('positions 0, 1, .. are rows of their table as they stand', () => {
  const config = gpt2Config({ vocabSize: 11, blockSize: 16, nEmbd: 16, nLayer: 1, nHead: 2 });
  const ids = (T: number) => constant('ids', [2, T], () => Int32Array.from({ length: 2 * T }, (_, i) => i % 11), 'i32');
  const counted = (T: number) => constant('positions', [T], () => Int32Array.from({ length: T }, (_, i) => i), 'i32');
  const pass = (model: GPT2, T: number, lookUp: boolean) => () => {
    const hidden = model.hidden(ids(T), lookUp ? { positions: counted(T) } : {});
    const dy = constant('dy', hidden.shape, () => normal(hidden.size, 1, 6, 0));
    const table = model.parameters.find((p) => p.name === 'transformer.wpe.weight')!;
    return { hidden, dtable: backward(sum(mul(hidden, dy))).get(table)! };
  };

  test.each([16, 7])('%d of 16: the bits of looking them up, forward and backward', async (T) => {
    const model = new GPT2(config, { seed: 3 });
    const run = (lookUp: boolean) => results(pass(model, T, lookUp), model.parameters);
    expect(await run(false)).toEqual(await run(true));
  });

  test('nothing is looked up, and the whole table gets its gradient without a copy', () => {
    const model = new GPT2(config, { seed: 3 });
    const kernels = kernelsOf(pass(model, 16, false));
    expect(kernels.filter((k) => k === 'embedding')).toHaveLength(1);
    expect(kernels).not.toContain('part_backward');
    expect(kernels).not.toContain('copy');
  });
});
