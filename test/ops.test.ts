// Every operation, a row each: the device against the twin (forward and gradients), the twin's gradients against finite differences,
// the same bits on every run, numbers that are not finite, and shapes that must be refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trace } from '../src/autograd/graph.ts';
import { InputError } from '../src/errors.ts';
import { ops } from '../src/ops/index.ts';
import { leastCapabilities } from '../src/ops/op.ts';
import { references } from '../src/reference/ops/index.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { expectClose, onBoth } from './harness/op_compare.ts';
import { rows } from './harness/op_rows.ts';
import { gradientError, prepare, run } from './harness/op_sample.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
let device: Device;
beforeAll(async () => {
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const table = ops;

test('every op has a row of samples here', () => {
  const covered = new Set(rows.flatMap((row) => row.ops));
  expect(table.map((op) => op.name).filter((name) => !covered.has(name))).toEqual([]);
});

test('every op has a plain form in the twin, unless it only changes a shape', () => {
  expect(table.filter((op) => !op.view && !references.has(op.name)).map((op) => op.name)).toEqual([]);
});

for (const row of rows) {
  describe(row.ops[0]!, () => {
    for (const sample of row.samples) {
      test(`${sample.name}: the kernels agree with the twin`, async () => {
        const replays = sample.scalars ? 3 : 1;
        const [got, expected] = await onBoth(device, sample, replays);
        expect([...got.keys()]).toEqual([...expected.keys()]);
        for (const [name, values] of expected)
          expectClose(name, got.get(name)!, values, sample.tolerance ?? row.tolerance);
      });

      if (sample.forwardOnly || sample.notSmooth) continue;
      test(`${sample.name}: the twin's gradients agree with finite differences`, async () => {
        const twin = new Twin();
        expect(await gradientError(twin, prepare(sample))).toBeLessThan(1e-7);
      });
    }

    const first = row.samples[1] ?? row.samples[0]!;
    if (!first.scalars && !first.forwardOnly) {
      test('the same bits on every run', async () => {
        const prepared = prepare(first);
        expect(await run(device, prepared)).toEqual(await run(device, prepared));
        device.release(prepared.parameters.values());
      });

      // Kernels may assume that there is no NaN: an exp(NaN) is infinite on one adapter, and a row then holds one NaN and zeros.
      // What must hold everywhere: it is seen in every result that depends on it, and in none that does not.
      test('a NaN is seen in every result that has it in the twin, and spreads no further', async () => {
        const [got, expected] = await onBoth(device, first, 1, Number.NaN);
        for (const [name, values] of expected) {
          const spread = Array.from(values, (x, i) => Number.isFinite(x) && !Number.isFinite(got.get(name)![i]));
          if (!row.nanReaches?.includes(name)) expect(spread.indexOf(true), name).toBe(-1);
          const seen = (x: ArrayLike<number>) => !Array.from(x).every(Number.isFinite);
          expect(seen(got.get(name)!), name).toBe(seen(values));
        }
      });
    }

    test.each(row.refuses ?? [])('is refused: %#', (call, message) => {
      const tensor = (...shape: number[]) => new Tensor({ kind: 'state', shape, name: 't' });
      const planned = () => {
        const graph = trace(() => {
          const result = call(tensor);
          return result instanceof Tensor ? { result } : {};
        });
        makePlan(graph, leastCapabilities);
      };
      expect(planned).toThrow(InputError);
      expect(planned).toThrow(message);
    });
  });
}
