// Ops that can be computed in several ways: each form, also one that this adapter would not choose, agrees with the twin.
import { describe, expect, test } from 'vitest';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { ops } from '../src/ops/index.ts';
import { type Capabilities, leastCapabilities } from '../src/ops/op.ts';
import { openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { expectClose, onBoth } from './harness/op_compare.ts';
import { rows } from './harness/op_rows.ts';
import { halfProducts } from './harness/op_rows_matmul.ts';
import { prepare, type Sample } from './harness/op_sample.ts';

const lanes = (n: number): Capabilities => ({
  ...leastCapabilities,
  features: new Set(['subgroups']),
  subgroupMinSize: n,
  subgroupMaxSize: n,
});
const gpu: Capabilities = {
  ...lanes(32),
  features: new Set(['subgroups', 'shader-f16', 'chromium-experimental-subgroup-matrix']),
  software: false,
  subgroupMatrices: ['16x16x16 f16 f32', '8x16x16 f16 f32', '8x8x8 f16 f32', '8x8x8 f32 f32'],
};
const adapters = [leastCapabilities, lanes(4), lanes(8), lanes(32), gpu];

/** Samples whose plan has the form where the table asks for it, on an adapter of these capabilities. */
function samplesOf(op: string, form: string, capabilities: Capabilities): Sample[] {
  const here = capabilities.features.has('shader-f16') ? [...rows, halfProducts] : rows;
  return here
    .filter((row) => row.ops.includes(op))
    .flatMap((row) => row.samples.map((sample) => ({ tolerance: row.tolerance, ...sample })))
    .filter((sample) => {
      const { fn, batch } = prepare(sample);
      const { dispatches } = makePlan(graphOf(fn, batch), capabilities, { [op]: form });
      return dispatches.some((d) => d.op === op && d.form === form);
    });
}

test('every form of every op is chosen by a sample, on some adapter', () => {
  const forms = ops.flatMap((op) => op.forms.map((form) => [op.name, form.name] as const));
  const never = forms.filter(
    ([op, form]) => !adapters.some((capabilities) => samplesOf(op, form, capabilities).length > 0),
  );
  expect(never).toEqual([]);
});

for (const op of ops.filter((o) => o.forms.length > 1)) {
  describe(op.name, () => {
    for (const { name, runsOn } of op.forms) {
      test(`${name} agrees with the twin`, async (context) => {
        const adapter = process.env.SHADERFORMER_ADAPTER;
        const kernels = (c: Capabilities) => ({
          table: (runsOn?.(c) ?? true) ? { [op.name]: name } : {},
          from: 'given: here',
        });
        const device = await openDevice({ kernels, ...(adapter && { adapter }) });
        try {
          const samples = samplesOf(op.name, name, device.capabilities);
          if (samples.length === 0) context.skip(`${device.name} cannot run it`);
          for (const sample of samples) {
            const [got, expected] = await onBoth(device, sample);
            for (const [key, values] of expected)
              expectClose(`${sample.name}: ${key}`, got.get(key)!, values, sample.tolerance!);
          }
        } finally {
          device.close();
        }
      });
    }
  });
}
