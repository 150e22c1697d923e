// Statements that hold for every input, checked on the GPU.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GPT2, gpt2Config } from '../src/nn/gpt2.ts';
import { gelu } from '../src/ops/activations.ts';
import { attention } from '../src/ops/attention.ts';
import { crossEntropy } from '../src/ops/cross_entropy.ts';
import { matmul } from '../src/ops/matmul.ts';
import { softmax } from '../src/ops/softmax.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { normal } from '../src/tensor/random.ts';
import { sizeOf } from '../src/tensor/shape.ts';
import type { Tensor } from '../src/tensor/tensor.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const random = (shape: number[], stream: number) => ({ shape, data: normal(sizeOf(shape), 1, 5, stream) });

test('rows of softmax sum to 1 and ignore a shift', async () => {
  const run = device.compile((t) => ({ y: softmax(t.x!) }));
  const x = random([7, 33], 0);
  const y = (await (await run({ x })).y!.read()) as Float32Array;
  const shifted = await (await run({ x: { ...x, data: x.data.map((v) => v + 64) } })).y!.read();
  for (let row = 0; row < 7; row++) {
    const sum = y.slice(row * 33, (row + 1) * 33).reduce((a, b) => a + b);
    expect(sum).toBeCloseTo(1, 6);
  }
  y.forEach((v, i) => void expect(Math.abs(shifted[i]! - v)).toBeLessThan(1e-5));
});

test('the fused attention equals the operations that it replaces', async () => {
  const run = device.compile(({ q, k, v }) => ({
    fused: attention(q!, k!, v!, { scale: 1 }),
    composed: matmul(softmax(matmul(q!, k!, { transposeB: true })), v!),
  }));
  const shape = [2, 3, 11, 8];
  const { fused, composed } = await run({ q: random(shape, 0), k: random(shape, 1), v: random(shape, 2) });
  const [a, b] = [await fused!.read(), await composed!.read()];
  a.forEach((x, i) => void expect(Math.abs(x - b[i]!)).toBeLessThan(1e-5));
});

test('a causal model never sees its future, bit for bit', async () => {
  const model = new GPT2(
    gpt2Config({ vocabSize: 19, blockSize: 12, nEmbd: 16, nLayer: 2, nHead: 2, initializerRange: 0.2 }),
    { seed: 3 },
  );
  const run = device.compile((t) => ({ logits: model.head(model.hidden(t.ids!)) }));
  const logits = async (ids: number[]) =>
    (await (await run({ ids: { shape: [1, 12], data: Int32Array.from(ids) } })).logits!.read()) as Float32Array;
  const ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
  const before = await logits(ids);
  for (const t of [0, 5, 11]) {
    const after = await logits(ids.with(t, 18));
    expect(after.subarray(0, t * 19)).toEqual(before.subarray(0, t * 19));
    expect(after.subarray(t * 19, (t + 1) * 19)).not.toEqual(before.subarray(t * 19, (t + 1) * 19));
  }
});

test('the first loss of a model that knows nothing is the logarithm of the vocabulary', async () => {
  const model = new GPT2(gpt2Config({ vocabSize: 65, blockSize: 16, nEmbd: 32, nLayer: 2, nHead: 4 }), { seed: 1 });
  const run = device.compile(({ ids, targets }: Record<string, Tensor>) => ({
    loss: crossEntropy(model.head(model.hidden(ids!)), targets!).loss,
  }));
  const drawn = (by: number) => ({ shape: [4, 16], data: Int32Array.from({ length: 64 }, (_, i) => (i * by) % 65) });
  const { loss } = await run({ ids: drawn(37), targets: drawn(24) });
  expect(Math.abs((await loss!.item()) - Math.log(65))).toBeLessThan(0.05 * Math.log(65));
});

test('activations stay finite from one end of f32 to the other', async () => {
  const run = device.compile(({ x }) => ({ tanh: gelu(x!, 'tanh'), erf: gelu(x!, 'erf'), soft: softmax(x!) }));
  const ends = [-3e38, -1e20, -1e4, -88, -10, 0, 10, 88, 1e4, 1e20, 3e38];
  const results = await run({ x: { shape: [11], data: Float32Array.from(ends) } });
  for (const output of Object.values(results)) expect((await output.read()).every(Number.isFinite)).toBe(true);
});
