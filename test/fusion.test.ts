// What a product of matrices does in passing (residual, gradient of the bias) against the same written with an operation each.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { DropoutPlaces } from '../src/nn/dropout.ts';
import { apply, applyOnto, type Linear } from '../src/nn/layers.ts';
import { add } from '../src/ops/add.ts';
import { assign } from '../src/ops/copy.ts';
import { matmul } from '../src/ops/matmul.ts';
import { mul } from '../src/ops/mul.ts';
import { constant, leastCapabilities } from '../src/ops/op.ts';
import { sum, sumTo } from '../src/ops/sum.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { normal } from '../src/tensor/random.ts';
import { type Shape, sizeOf } from '../src/tensor/shape.ts';
import { layOutSlabs } from '../src/tensor/slab.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { expectClose } from './harness/op_compare.ts';
import type { Named } from './harness/op_sample.ts';
import { faultsOf } from './harness/plan_check.ts';

/** Every form that runs here. */
const tables = ['portable', 'auto'] as const;
const devices = new Map<string, Device>();
beforeAll(async () => {
  const adapter = process.env.SHADERFORMER_ADAPTER;
  for (const wanted of tables) {
    const kernels = wanted === 'portable' ? { matmul: 'portable', matmul_backward_weights: 'portable' } : {};
    devices.set(wanted, await openDevice({ kernels, ...(adapter && { adapter }) }));
  }
});
afterAll(() => {
  for (const device of devices.values()) device.close();
});
const real = (name: string, shape: Shape, stream: number, kind: 'parameter' | 'state' = 'parameter') =>
  new Tensor({ kind, name, shape, init: () => normal(sizeOf(shape), 1, 5, stream) });

/** Rows, inputs, outputs: whole tiles and whole vectors, and neither. */
const sizes = [
  [128, 32, 64],
  [3 * 67, 19, 41],
  [700, 20, 36],
] as const;

/** A linear layer with an input, a residual and the gradient of its output. */
function layer(rows: number, inner: number, columns: number) {
  const parameters = {
    x: real('x', [rows, inner], 0),
    weight: real('weight', [inner, columns], 1),
    bias: real('bias', [columns], 2),
    residual: real('residual', [rows, columns], 3),
  };
  const dy = () => constant('dy', [rows, columns], () => normal(rows * columns, 1, 6, 0));
  return { ...parameters, dy, all: Object.values(parameters) };
}

async function results(device: Device, fn: () => Named, state: readonly Tensor[]): Promise<Map<string, Float32Array>> {
  const compiled = device.compile(fn);
  const read = new Map<string, Float32Array>();
  for (const [name, output] of Object.entries(await compiled({})))
    read.set(name, (await output.read()) as Float32Array);
  compiled.release();
  device.release(state);
  return read;
}

describe.each(tables)('kernels: %s', (wanted) => {
  test.each(sizes)('residual, %d x %d x %d: the bits of an addition behind the product', async (...size) => {
    const { x, weight, bias, residual, dy, all } = layer(...size);
    const run = (fused: boolean) =>
      results(
        devices.get(wanted)!,
        () => {
          const y = fused ? matmul(x, weight, { bias, residual }) : add(residual, matmul(x, weight, { bias }));
          const gradients = backward(sum(mul(y, dy())));
          return { y, ...Object.fromEntries(all.map((p) => [`d${p.name}`, gradients.get(p)!])) };
        },
        all,
      );
    expect(await run(true)).toEqual(await run(false));
  });

  test.each(sizes)('gradients of weight and bias, %d x %d x %d: those of a product and a sum', async (...size) => {
    const { x, weight, bias, dy, all } = layer(...size);
    const onto = new Map([
      [weight, real('dweight', weight.shape, 7, 'state')],
      [bias, real('dbias', bias.shape, 8, 'state')],
    ]);
    const state = [...all, ...onto.values()];
    for (const accumulated of [false, true]) {
      const kept = (p: Tensor) => (accumulated ? onto.get(p)! : null);
      const fused = await results(
        devices.get(wanted)!,
        () => {
          const y = matmul(x, weight, { bias });
          const gradients = backward(sum(mul(y, dy())), accumulated ? { onto } : {});
          return { dweight: gradients.get(weight)!, dbias: gradients.get(bias)! };
        },
        state,
      );
      const apart = await results(
        devices.get(wanted)!,
        () => {
          // As backward() makes it: 1, repeated, times dy.
          const upstream = mul(
            constant('one', [1], () => new Float32Array([1])),
            dy(),
          );
          const sums = sumTo(upstream, bias.shape);
          const dbias = kept(bias) ? add(kept(bias)!, sums) : sums;
          return { dweight: matmul(x, upstream, { transposeA: true, add: kept(weight) }), dbias };
        },
        state,
      );
      expect(fused.get('dweight')).toEqual(apart.get('dweight'));
      // Columns are summed in the order of the rows; sum() does so below 512 rows, and adds sums of 128 above.
      if (size[0] < 512) expect(fused.get('dbias')).toEqual(apart.get('dbias'));
      else expectClose('dbias', fused.get('dbias')!, apart.get('dbias')!, 2e-6);
    }
  });
});

const opsOf = (fn: () => Named) => makePlan(graphOf(fn, {}), leastCapabilities).dispatches.map((d) => d.op);

test('both gradients are one dispatch, onto what is kept in a slab too, without a copy', () => {
  const { x, weight, bias, dy } = layer(600, 4, 8);
  x.trainable = false;
  const kept = new Map([weight, bias].map((p) => [p, real(`d${p.name}`, p.shape, 0, 'state')]));
  layOutSlabs([...kept.values()], 'gradients', 'gradients');
  const graph = graphOf(() => {
    const gradients = backward(sum(mul(matmul(x, weight, { bias }), dy())), { onto: kept });
    for (const [p, state] of kept) assign(state, gradients.get(p)!);
    return {};
  }, {});
  const plan = makePlan(graph, leastCapabilities);
  expect(faultsOf(plan, graph)).toEqual([]);
  const ops = plan.dispatches.map((d) => d.op);
  expect(ops.slice(ops.indexOf('matmul_backward_weights'))).toEqual(['matmul_backward_weights']);
  expect(plan.dispatches.map((d) => d.kernel)).not.toContain('copy');
});

test('of a bias alone, or a weight alone, the other is not computed', () => {
  for (const frozen of ['weight', 'bias'] as const) {
    const parts = layer(6, 4, 8);
    parts[frozen].trainable = false;
    parts.x.trainable = false;
    const trained = frozen === 'weight' ? parts.bias : parts.weight;
    const ops = opsOf(() => {
      const y = matmul(parts.x, parts.weight, { bias: parts.bias });
      return { d: backward(sum(mul(y, parts.dy()))).get(trained)! };
    });
    expect(ops).not.toContain('matmul_backward_weights');
    expect(ops.at(-1)).toBe(frozen === 'weight' ? 'sum' : 'matmul');
  }
});

test('a layer adds its residual in its own kernel, unless values are dropped in between', () => {
  const { x, weight, bias, residual } = layer(6, 4, 8);
  const linear: Linear = { weight, bias };
  const ops = (options?: { p: number; seed: number }) =>
    opsOf(() => ({ y: applyOnto(residual, x, linear, new DropoutPlaces(options)) }));
  expect(ops()).toEqual(['matmul']);
  expect(ops({ p: 0, seed: 1 })).toEqual(['matmul']);
  expect(ops({ p: 0.1, seed: 1 })).toEqual(['matmul', 'dropout', 'add']);
  expect(opsOf(() => ({ y: add(residual, apply(x, linear, new DropoutPlaces(undefined))) }))).toEqual([
    'matmul',
    'add',
  ]);
});
