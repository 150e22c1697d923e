// Every operation that takes values stored as f16: the device against the twin, which rounds what is stored, forward and gradients.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trace } from '../src/autograd/graph.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { InputError } from '../src/errors.ts';
import { gelu } from '../src/ops/activations.ts';
import { add } from '../src/ops/add.ts';
import { attention } from '../src/ops/attention.ts';
import { concat } from '../src/ops/concat.ts';
import { crossEntropyOf } from '../src/ops/cross_entropy.ts';
import { embedding } from '../src/ops/embedding.ts';
import { layernorm } from '../src/ops/layernorm.ts';
import { mul } from '../src/ops/mul.ts';
import { leastCapabilities } from '../src/ops/op.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { kernel } from '../src/schedule/kernel.ts';
import type { KernelTable } from '../src/schedule/order.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { shaders } from '../src/shaders.gen.ts';
import { type DType, Tensor } from '../src/tensor/tensor.ts';
import { onBoth } from './harness/op_compare.ts';
import { expectCloseHalf, halved, ways } from './harness/op_half.ts';
import type { OpRow } from './harness/op_row.ts';
import { rows } from './harness/op_rows.ts';
import { prepare, run, type Sample } from './harness/op_sample.ts';

/** The first form of each op, those that need samples too large for a test, and those that only GPUs take first. */
const tables: Record<string, KernelTable> = {
  'first forms': {},
  'scores computed again': { attention_backward: 'recompute' },
  'layer norm in workgroups': {
    layernorm: 'workgroup_a_row',
    layernorm_backward: 'workgroup_a_row',
    layernorm_backward_params: 'two_stages_workgroup',
  },
  'RMS norm in workgroups': {
    rmsnorm: 'workgroup_a_row',
    rmsnorm_backward: 'workgroup_a_row',
    rmsnorm_backward_weight: 'two_stages_workgroup',
  },
  'softmax in workgroups': { softmax: 'workgroup_a_row', softmax_backward: 'workgroup_a_row' },
  'a divergence in workgroups': { kl_divergence: 'workgroup_a_row' },
};
const devices = new Map<string, Device>();
beforeAll(async () => {
  const adapter = process.env.SHADERFORMER_ADAPTER;
  for (const [name, kernels] of Object.entries(tables))
    devices.set(name, await openDevice({ kernels, ...(adapter && { adapter }) }));
});
afterAll(() => {
  for (const device of devices.values()) device.close();
});

const samplesOf = ({ samples, half }: OpRow): Sample[] => [
  ...(Object.keys(ways) as (keyof typeof ways)[]).flatMap((way) => samples.map((s) => halved(s, way, half!))),
  ...(half!.samples ?? []),
];
const halfRows = rows.filter((row) => row.half);
const tablesOf = ({ ops }: OpRow) =>
  Object.keys(tables).filter((name) => Object.keys(tables[name]!).every((op) => ops.includes(op)));

for (const row of halfRows) {
  describe(row.ops[0]!, () => {
    for (const name of tablesOf(row)) {
      test(`${name}: the kernels agree with the twin that rounds`, async (context) => {
        const device = devices.get(name)!;
        if (!device.capabilities.features.has('shader-f16')) context.skip(`${device.name} has no shader-f16`);
        for (const sample of samplesOf(row)) {
          const [got, expected] = await onBoth(device, sample);
          expect([...got.keys()], sample.name).toEqual([...expected.keys()]);
          const tolerance = sample.tolerance ?? row.tolerance;
          for (const [value, numbers] of expected)
            expectCloseHalf(`${sample.name}: ${value}`, got.get(value)!, numbers, tolerance, row.half!.roundings);
        }
        const prepared = prepare(samplesOf(row)[1]!);
        expect(await run(device, prepared)).toEqual(await run(device, prepared));
        device.release(prepared.parameters.values());
      });
    }
  });
}

test.each<[(t: (dtype: DType, ...shape: number[]) => Tensor) => unknown, RegExp]>([
  [(t) => add(t('f16', 3), t('f32', 3)), /^add: b holds f32, expected f16\.$/],
  [(t) => mul(t('f32', 3), t('f16', 3)), /^mul: b holds f16, expected f32\.$/],
  [(t) => gelu(t('i32', 3), 'tanh'), /^gelu_tanh: x holds i32, expected f32 or f16\.$/],
  [(t) => concat([t('f16', 3), t('f32', 3)]), /^concat: x1 holds f32, expected f16\.$/],
  [(t) => layernorm(t('f16', 2, 3), t('f16', 3), null, { eps: 1e-5 }), /^layernorm: weight holds f16, expected f32\.$/],
  [
    (t) => layernorm(t('f16', 2, 3), t('f32', 3), t('f16', 3), { eps: 1e-5 }),
    /^layernorm: bias holds f16, expected f32\.$/,
  ],
  [
    (t) => attention(t('f16', 1, 2, 3, 4), t('f32', 1, 2, 3, 4), t('f16', 1, 2, 3, 4)),
    /^attention: k holds f32, expected f16\.$/,
  ],
  [
    (t) => embedding(t('f32', 5, 4), t('i32', 3), { dtype: 'f16', add: t('f32', 3, 4) }),
    /^embedding: add holds f32, expected f16\.$/,
  ],
  [(t) => crossEntropyOf(t('f16', 3, 4), t('i32', 3), { vocabSize: 5 }), /stats holds f16, expected f32\.$/],
])('a mixture of types is refused: %#', (call, message) => {
  const tensor = (dtype: DType, ...shape: number[]) => new Tensor({ kind: 'state', shape, dtype, name: 't' });
  const traced = () =>
    trace(() => {
      call(tensor);
      return {};
    });
  expect(traced).toThrow(InputError);
  expect(traced).toThrow(message);
});

test('every kernel that can store f16 does so in a sample', () => {
  const capabilities = { ...leastCapabilities, features: new Set(['shader-f16']) };
  const seen = new Set<string>();
  for (const row of halfRows) {
    for (const [sample, name] of samplesOf(row).flatMap((s) => tablesOf(row).map((name) => [s, name] as const))) {
      const { fn, batch } = prepare(sample);
      const { dispatches } = makePlan(graphOf(fn, batch), capabilities, tables[name]);
      for (const d of dispatches) for (const alias of d.half) seen.add(`${d.kernel} ${alias}`);
    }
  }
  // Products of matrices, and the kernel that stands for two nodes (passing.test.ts), have samples of their own.
  const elsewhere = /^(lib\/|matmul|attention_cached8$)/;
  const names = Object.keys(shaders).filter((name) => !elsewhere.test(name));
  const all = names.flatMap((name) => kernel(name).aliases.map((alias) => `${name} ${alias}`));
  expect(all.filter((one) => !seen.has(one))).toEqual([]);
});
