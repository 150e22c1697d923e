// The CPU twin as a machine: the same calls as a device, in float64, with its own copy of parameters and state.
import { expect, test } from 'vitest';
import type { Batch } from '../src/autograd/machine.ts';
import { InputError } from '../src/errors.ts';
import { add } from '../src/ops/add.ts';
import { assign } from '../src/ops/copy.ts';
import { mul } from '../src/ops/mul.ts';
import { stepScalar } from '../src/ops/op.ts';
import { reshape } from '../src/ops/reshape.ts';
import { scale } from '../src/ops/scale.ts';
import { erf } from '../src/reference/ops/erf.ts';
import { Twin, type TwinOutput } from '../src/reference/twin.ts';
import { layOutSlabs } from '../src/tensor/slab.ts';
import { Tensor } from '../src/tensor/tensor.ts';

const batch = (...x: number[]): Batch => ({ x: { shape: [x.length], data: Float32Array.from(x) } });
const state = (name: string, ...values: number[]) =>
  new Tensor({ kind: 'state', name, shape: [values.length], init: () => Float32Array.from(values) });

test('results are rounded to f32 where they are read, and exact beside that', async () => {
  const run = new Twin().compile((t) => ({ y: scale(t.x!, 1 / 3) }));
  const { y } = await run(batch(1));
  expect(await y!.item()).toBe(Math.fround(1 / 3));
  expect(y!.exact[0]).toBe(1 / 3);
});

test('state lives on between replays, functions and shapes, without rounding', async () => {
  const twin = new Twin();
  const s = state('s', 0);
  const count = twin.compile(({ x }) => {
    assign(s, add(s, mul(reshape(x!, [1]), stepScalar('by'))));
    return { s };
  });
  for (let i = 0; i < 3; i++) await count(batch(1), { by: 0.1 });
  expect(twin.exact(s)[0]).toBe(0.1 + 0.1 + 0.1);
  expect((await count.collect()).map(({ index, values }) => [index, values.s![0]])).toEqual(
    [0.1, 0.2, 0.3].map((v, i) => [i, Math.fround(v)]),
  );
  expect(await count.collect()).toEqual([]);
  const other = twin.compile((t) => ({ y: add(s, t.x!) }));
  expect((await (await other(batch(1, 2))).y!.read())[1]).toBe(Math.fround(2.3));
  twin.release([s]);
  expect(twin.exact(s)[0]).toBe(0);
});

test('slices of a slab are windows of one array', async () => {
  const twin = new Twin();
  const parts = [state('a', 1, 2), state('b', 3)];
  const [slab] = layOutSlabs(parts, 'slab', 'other');
  twin.write(parts[1]!, Float64Array.of(1e-9 + 7));
  const whole = twin.exact(slab!);
  expect([whole[0], whole[1], whole[64]]).toEqual([1, 2, 7 + 1e-9]);
  const run = twin.compile(() => {
    assign(parts[0]!, add(parts[0]!, parts[1]!));
    return {};
  });
  await run({});
  expect([...(await twin.read(parts[0]!))]).toEqual([8, 9]);
});

test('every value inside a function can be kept as a further result', async () => {
  const run = new Twin().compile((t) => ({ y: scale(scale(t.x!, 2), 3) }), {
    keep: (name) => name.endsWith('scale.y'),
  });
  const results: Record<string, TwinOutput> = await run(batch(1));
  expect(Object.keys(results)).toEqual(['y', '#0  scale.y', '#1  scale.y']);
  expect([...results['#0  scale.y']!.exact]).toEqual([2]);
});

test('what a device refuses, the twin refuses', async () => {
  const twin = new Twin();
  const run = twin.compile((t) => ({ y: mul(t.x!, stepScalar('rate')) }));
  await expect(run(batch(1))).rejects.toThrow('input "rate" is missing: pass it with every replay, as { rate: ... }.');
  await expect(run(batch(1), { rate: 1, rat: 2 })).rejects.toThrow(
    '"rat" was passed, but the function asks for no such number; it asks for: x, rate.',
  );
  await expect((await run(batch(1, 2), { rate: 1 })).y!.item()).rejects.toThrow(
    '"y" has shape (2): item() is for results of one number; use read().',
  );
  expect(() => twin.write(state('s', 1), new Float32Array(2))).toThrow('s (1): got 2 values, expected 1.');
  await expect(twin.read(new Tensor({ kind: 'input', name: 'x', shape: [1] }))).rejects.toThrow(InputError);
});

test('erf is exact to the last places', () => {
  // Abramowitz and Stegun 1964, table 7.1.
  const known = [
    [0, 0],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [7, 1],
  ];
  for (const [x, value] of known) {
    expect(Math.abs(erf(x!) - value!)).toBeLessThan(1e-15);
    expect(erf(-x!)).toBe(-erf(x!));
  }
  expect(erf(Number.NaN)).toBeNaN();
});
