// Newton-Schulz: every singular value moves as a polynomial says, whatever the matrix's shape.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { orthogonalize } from '../src/ops/orthogonalize.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { normal } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';
import { expectClose } from './harness/op_compare.ts';
import { diagonal, lifted } from './harness/singular_values.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

async function orthogonalized(machine: Device | Twin, shape: readonly number[], values?: Float32Array) {
  const x = new Tensor({ kind: 'parameter', name: 'x', shape, ...(values && { init: () => values }) });
  const compiled = machine.compile(() => ({ y: orthogonalize(x) }));
  try {
    return await (await compiled({})).y!.read();
  } finally {
    compiled.release();
    machine.release([x]);
  }
}

test.each([
  [5, 5],
  [5, 9],
  [9, 5],
  [1, 7],
  [7, 1],
])('singular values of a (%i,%i)', async (rows, cols) => {
  const values = [3, 1, 0.4, 0.1, -2].slice(0, Math.min(rows, cols));
  for (const machine of [device, new Twin()]) {
    const y = await orthogonalized(machine, [rows, cols], diagonal(rows, cols, values));
    expectClose('y', y, diagonal(rows, cols, lifted(values)), 1e-5);
  }
});

test('a tall matrix and its transpose give one result', async () => {
  const [rows, cols] = [37, 20];
  const tall = normal(rows * cols, 1, 3, 0);
  const turned = (x: ArrayLike<number>) =>
    Float32Array.from({ length: rows * cols }, (_, i) => x[(i % rows) * cols + Math.floor(i / rows)]!);
  const [y, z] = [
    await orthogonalized(device, [rows, cols], tall),
    await orthogonalized(device, [cols, rows], turned(tall)),
  ];
  expectClose('transpose', z, turned(y), 1e-5);
});

test('zeros stay zeros', async () => {
  expect([...(await orthogonalized(device, [3, 4]))]).toEqual(Array(12).fill(0));
});
