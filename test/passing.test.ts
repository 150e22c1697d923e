// What a dispatch does for the nodes beside its own: the same values as an operation each, and nothing where somebody else needs what
// lies between.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../src/autograd/machine.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { Decoder } from '../src/generate/decoder.ts';
import { attend, attendPacked } from '../src/nn/attend.ts';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { gelu, relu, silu } from '../src/ops/activations.ts';
import { argmax } from '../src/ops/argmax.ts';
import { assign } from '../src/ops/copy.ts';
import { layernorm } from '../src/ops/layernorm.ts';
import { matmul } from '../src/ops/matmul.ts';
import { type Capabilities, leastCapabilities } from '../src/ops/op.ts';
import { scale } from '../src/ops/scale.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { normal } from '../src/tensor/random.ts';
import { type Shape, sizeOf } from '../src/tensor/shape.ts';
import { type Precision, Tensor } from '../src/tensor/tensor.ts';
import { expectClose } from './harness/op_compare.ts';
import type { Named } from './harness/op_sample.ts';
import { faultsOf } from './harness/plan_check.ts';

let device: Device;
beforeAll(async () => {
  const adapter = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(adapter ? { adapter } : {});
});
afterAll(() => device.close());

const lanes8: Capabilities = {
  ...leastCapabilities,
  features: new Set(['subgroups', 'shader-f16']),
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
};
const eps = 1e-5;

/** Normal deviates around 3. */
function real(name: string, shape: Shape, stream: number, dtype: Precision = 'f32'): Tensor {
  const init = () => normal(sizeOf(shape), 1, 5, stream).map((v) => v + 3);
  return new Tensor({ kind: 'state', name, shape, dtype, init });
}

function layer(K: number, N: number, dtype: Precision = 'f32') {
  return {
    x: real('x', [1, K], 0, dtype),
    weight: real('weight', [K], 1),
    shift: real('shift', [K], 2),
    b: new Tensor({ kind: 'state', name: 'b', shape: [K, N], dtype, init: () => normal(K * N, 0.2, 5, 3) }),
    bias: real('bias', [N], 4),
  };
}

async function results(machine: Machine, fn: () => Named): Promise<Map<string, Float32Array>> {
  const compiled = machine.compile(fn);
  const read = new Map<string, Float32Array>();
  for (const [name, output] of Object.entries(await compiled({})))
    read.set(name, (await output.read()) as Float32Array);
  compiled.release();
  return read;
}

/** Kernels of the plan on an adapter with subgroups of 8, whose memory is in order. */
function kernelsOf(fn: () => Named, capabilities = lanes8): string[] {
  const graph = graphOf(fn, {});
  const plan = makePlan(graph, capabilities);
  expect(faultsOf(plan, graph)).toEqual([]);
  return plan.dispatches.map((d) => d.kernel);
}

async function expectAsTwin(fn: () => Named, tensors: Record<string, Tensor>, tolerance: number): Promise<void> {
  const got = await results(device, fn);
  device.release(Object.values(tensors));
  for (const [name, expected] of await results(new Twin(), fn)) expectClose(name, got.get(name)!, expected, tolerance);
}

const activations = {
  'gelu, tanh': (x: Tensor) => gelu(x, 'tanh'),
  'gelu, erf': (x: Tensor) => gelu(x, 'erf'),
  relu,
  silu,
};

describe('a product of one row', () => {
  test.each(Object.entries(activations))('with LayerNorm in front and %s behind is one dispatch', async (_, act) => {
    const { x, weight, shift, b, bias } = layer(37, 132);
    const fn = () => ({ y: act(matmul(layernorm(x, weight, shift, { eps }), b, { bias })) });
    expect(kernelsOf(fn)).toEqual(['matmul_vector_columns8']);
    await expectAsTwin(fn, { x, weight, shift, b, bias }, 2e-6);
  });

  test('without any bias, and with what goes around', async () => {
    const { x, weight, b } = layer(64, 72);
    const around = real('around', [1, 72], 6);
    const fn = () => ({ y: matmul(layernorm(x, weight, null, { eps }), b, { residual: around }) });
    expect(kernelsOf(fn)).toEqual(['matmul_vector_columns8']);
    await expectAsTwin(fn, { x, weight, b, around }, 2e-6);
  });

  test('with values stored as f16', async (context) => {
    const { x, weight, shift, b, bias } = layer(40, 24, 'f16');
    const fn = () => ({ y: gelu(matmul(layernorm(x, weight, shift, { eps }), b, { bias }), 'tanh') });
    expect(kernelsOf(fn)).toEqual(['matmul_vector_columns8']);
    if (!device.capabilities.features.has('shader-f16')) context.skip(`${device.name} has no shader-f16`);
    // Three roundings to f16 there, one here.
    await expectAsTwin(fn, { x, weight, shift, b, bias }, 4e-3);
  });

  test('added onto its own input keeps it until it has been read', async () => {
    const { x, weight, shift, b } = layer(32, 32);
    const fn = () => {
      const twice = scale(x, 2);
      return { y: matmul(layernorm(twice, weight, shift, { eps }), b, { add: twice }) };
    };
    expect(kernelsOf(fn)).toContain('matmul_vector_columns8');
    expect(kernelsOf(fn)).not.toContain('layernorm_vec4');
    await expectAsTwin(fn, { x, weight, shift, b }, 2e-6);
  });
});

describe('the largest element of a product of one row', () => {
  // One workgroup of columns, and several of which the last is short.
  test.each([
    [40, 20],
    [333, 36],
  ])('of %d columns is found beside it, the first of equals', async (N, K) => {
    const x = real('x', [1, K], 0);
    const rows = normal(N * K, 1, 6, 0);
    // The largest twice, behind and before; and one that is larger but for its sign.
    const best = Array.from({ length: K }, (_, k) => 4 + k / K);
    for (const [row, sign] of [
      [N - 1, 1],
      [17, 1],
      [5, -2],
    ] as const)
      rows.set(
        best.map((v) => sign * v),
        row * K,
      );
    const b = new Tensor({ kind: 'state', name: 'b', shape: [N, K], init: () => rows });
    const bias = new Tensor({ kind: 'state', name: 'bias', shape: [N] });
    const fn = () => ({ token: argmax(matmul(x, b, { transposeB: true, bias })) });
    expect(kernelsOf(fn)).toEqual(['matmul_vector_rows8', 'argmax_parts']);
    expect([...(await results(device, fn)).get('token')!]).toEqual([17]);
    device.release([x, b, bias]);
  });

  test('is -1 where one is no number', async () => {
    const x = real('x', [1, 8], 0);
    const init = () => normal(100 * 8, 1, 6, 0).map((v, i) => (i === 70 * 8 ? Number.NaN : v));
    const b = new Tensor({ kind: 'state', name: 'b', shape: [100, 8], init });
    const fn = () => ({ token: argmax(matmul(x, b, { transposeB: true })) });
    expect([...(await results(device, fn)).get('token')!]).toEqual([-1]);
    device.release([x, b]);
  });
});

describe('attention of a new token', () => {
  const old = (name: string, shape: Shape, stream: number, dtype: Precision) =>
    new Tensor({ kind: 'state', name, shape, dtype, init: () => normal(sizeOf(shape), 1, 7, stream) });
  const startOf = (starts: readonly number[]) =>
    new Tensor({ kind: 'state', name: 'start', shape: [starts.length], init: () => Float32Array.from(starts) });

  interface Case {
    heads: number;
    kvHeads: number;
    D: number;
    starts: number[];
    capacity: number;
    window?: number;
    dtype?: Precision;
  }

  /** Packed where every head has keys of its own. */
  function cached({ heads, kvHeads, D, starts, capacity, window, dtype = 'f32' }: Case, T = 1) {
    const B = starts.length;
    const packed = heads === kvHeads;
    const width = (packed ? 3 * heads : heads) * D;
    const layer = {
      keys: old('keys', [B, capacity, kvHeads * D], 0, dtype),
      values: old('values', [B, capacity, kvHeads * D], 1, dtype),
    };
    const start = startOf(starts);
    const q = old('q', [B, T, width], 2, dtype);
    const [k, v] = [3, 4].map((stream) => old(`new ${stream}`, [B, T, kvHeads * D], stream, dtype)) as [Tensor, Tensor];
    const fn = () => {
      const cache = { layers: [layer], start };
      const options = { heads, kvHeads, causal: true, ...(window && { window }) };
      const y = packed ? attendPacked(cache, 0, q, options) : attend(cache, 0, q, k, v, options);
      return { y: scale(y, 1), ...layer };
    };
    return { fn, tensors: { ...layer, start, q, k, v } };
  }

  test.each<[string, Case]>([
    ['a head a lane short', { heads: 3, kvHeads: 3, D: 20, starts: [5], capacity: 9 }],
    ['heads of 64', { heads: 2, kvHeads: 2, D: 64, starts: [70], capacity: 80 }],
    ['heads that share keys', { heads: 4, kvHeads: 2, D: 48, starts: [7], capacity: 16 }],
    ['a window', { heads: 2, kvHeads: 1, D: 32, starts: [20], capacity: 32, window: 6 }],
    [
      'texts of different lengths, one with nothing before',
      { heads: 2, kvHeads: 2, D: 8, starts: [0, 11, 3], capacity: 12 },
    ],
    ['a cache that is full', { heads: 2, kvHeads: 2, D: 16, starts: [6], capacity: 6 }],
  ])('is written to the cache and sees it in one dispatch: %s', async (_, given) => {
    const { fn, tensors } = cached(given);
    expect(kernelsOf(fn)).toEqual(['attention_cached8', 'scale']);
    await expectAsTwin(fn, tensors, 2e-6);
  });

  test('also as f16', async (context) => {
    const given: Case = { heads: 4, kvHeads: 2, D: 24, starts: [9], capacity: 16, dtype: 'f16' };
    const { fn, tensors } = cached(given);
    expect(kernelsOf(fn)).toEqual(['attention_cached8', 'scale']);
    if (!device.capabilities.features.has('shader-f16')) context.skip(`${device.name} has no shader-f16`);
    await expectAsTwin(fn, tensors, 2e-3);
  });

  test('two dispatches for several new tokens, and for large heads', () => {
    const small: Case = { heads: 2, kvHeads: 2, D: 16, starts: [6], capacity: 16 };
    for (const { fn } of [cached(small, 2), cached({ ...small, D: 80 })])
      expect(kernelsOf(fn)).toEqual(['cache_write', 'attention_decode', 'scale']);
  });
});

test('a token of a GPT-2 of two layers is 16 dispatches', () => {
  const config = gpt2Config({ vocabSize: 300, blockSize: 32, nLayer: 2, nHead: 2, nEmbd: 32 });
  const decoder = new Decoder(device, new GPT2(config, { seed: 1 }), { rows: 1, capacity: 32, dtype: 'f32' });
  const graph = graphOf(decoder.functions.token, decoder.batch(1, [7]));
  const plan = makePlan(graph, lanes8);
  expect(faultsOf(plan, graph)).toEqual([]);
  // Two look-ups and their sum; in each layer qkv, attention, its projection and two products; the norm, the head and the choice.
  expect(plan.dispatches).toHaveLength(3 + 2 * 5 + 3);
});

describe('a dispatch each', () => {
  const { x, weight, shift, b, bias } = layer(32, 32);
  const norm = () => layernorm(x, weight, shift, { eps });
  const state = new Tensor({ kind: 'state', name: 'state', shape: [1, 32] });

  test.each<[string, () => Named]>([
    ['of a norm that two read', () => twoProducts(norm())],
    ['of a norm that is kept', () => keptNorm(norm())],
    ['of a norm that is assigned', () => assignedNorm(norm())],
  ])('%s', (_, fn) => {
    expect(kernelsOf(fn)).toContain('layernorm_vec4');
  });

  const twoProducts = (n: Tensor) => ({ y: matmul(n, b), z: matmul(n, b, { bias }) });
  const keptNorm = (n: Tensor) => ({ n, y: matmul(n, b) });
  const assignedNorm = (n: Tensor) => {
    assign(state, n);
    return { y: matmul(n, b) };
  };

  test.each<[string, () => Named]>([
    ['of an activation of a product that is kept', () => keptProduct(matmul(x, b))],
    ['of an activation behind a residual', () => ({ y: relu(matmul(x, b, { residual: x })) })],
    ['of an activation that is assigned to what the product reads', () => assigned(relu(matmul(state, b)))],
  ])('%s', (_, fn) => {
    expect(kernelsOf(fn)).toContain('relu');
  });

  const keptProduct = (y: Tensor) => ({ y, z: relu(y) });
  const assigned = (y: Tensor) => {
    assign(state, y);
    return { y };
  };

  test('where the adapter has no such subgroups, and of several rows', () => {
    const fn = () => ({ y: relu(matmul(norm(), b)) });
    expect(kernelsOf(fn, leastCapabilities)).toHaveLength(3);
    const rows = real('rows', [2, 32], 7);
    expect(kernelsOf(() => ({ y: relu(matmul(rows, b)) }))).toHaveLength(2);
  });
});
