// Halves: every one of the 65,536 patterns survives a round trip, and rounding agrees with plain arithmetic.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bytesSource, SafetensorsReader } from '../src/checkpoint/safetensors.ts';
import { f16ToF32Bits, f32BitsToBf16, f32BitsToF16, float32ToHalves, halvesToFloat32 } from '../src/tensor/halves.ts';
import { testWith } from './harness/shared.ts';

const golden = '../shared/golden/traces/gpt2';

const allHalves = Uint16Array.from({ length: 65536 }, (_, i) => i);

function bitsOf(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!;
}

/** The value of a binary16 pattern by its definition. */
function f16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

test('every F16 has the value of its definition', () => {
  const values = halvesToFloat32(allHalves, 'F16');
  expect(allHalves.every((half) => Object.is(values[half], f16Value(half)))).toBe(true);
});

test.each(['F16', 'BF16'] as const)('every %s pattern survives a round trip, NaN payloads included', (dtype) => {
  expect(float32ToHalves(halvesToFloat32(allHalves, dtype), dtype)).toEqual(allHalves);
});

test('between any two neighbours F16 rounds to the nearest, and in the middle to the even one', () => {
  for (let half = 0; half < 0x7bff; half++) {
    const low = f16Value(half);
    const high = f16Value(half + 1);
    const middle = (low + high) / 2;
    const step = 2 ** -20 * (high - low);
    const even = half & 1 ? half + 1 : half;
    const found = [middle - step, middle, middle + step].map((x) => f32BitsToF16(bitsOf(Math.fround(x))));
    // Where a float32 cannot hold a value next to the middle, it falls on the middle itself.
    const expected = [
      Math.fround(middle - step) < middle ? half : even,
      even,
      Math.fround(middle + step) > middle ? half + 1 : even,
    ];
    if (found.join() !== expected.join()) expect({ half, found }).toEqual({ half, found: expected });
    if (f32BitsToF16(bitsOf(-middle)) !== (even | 0x8000)) expect.fail(`-${middle}`);
  }
});

test('between any two neighbours BF16 rounds to the nearest, and in the middle to the even one', () => {
  for (let half = 0; half < 0x7f80; half++) {
    const middle = (half << 16) | 0x8000;
    const even = half & 1 ? half + 1 : half;
    const found = [middle - 1, middle, middle + 1].map(f32BitsToBf16);
    if (found.join() !== [half, even, half + 1].join()) expect({ half, found }).toEqual({ half });
  }
});

test('the edges: overflow, underflow, infinity, NaN, zero with its sign', () => {
  const f16 = (x: number) => f32BitsToF16(bitsOf(x));
  expect([65504, 65519.99, 65520, 1e30, Infinity, -Infinity].map(f16)).toEqual([
    0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00,
  ]);
  expect([0, -0, 2 ** -24, 2 ** -25, 2 ** -25 * 1.001, 1e-45].map(f16)).toEqual([0, 0x8000, 1, 0, 1, 0]);
  expect(f16(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  expect(f32BitsToF16(0x7f800001) & 0x7fff).toBeGreaterThan(0x7c00);
  expect(f32BitsToBf16(0x7f800001) & 0x7fff).toBeGreaterThan(0x7f80);
  expect(f32BitsToBf16(bitsOf(3.4e38))).toBe(0x7f80);
  expect(f16ToF32Bits(0x3c00)).toBe(bitsOf(1));
});

testWith(golden, 'golden: a loader gets exactly what PyTorch gets from BF16 and F16', async () => {
  const open = (name: string) =>
    SafetensorsReader.open(bytesSource(name, new Uint8Array(readFileSync(`${golden}/${name}`))));
  const expected = await open('model_halves_expected.safetensors');
  const files = { bf16: await open('model_bf16.safetensors'), f16: await open('model_f16.safetensors') };
  expect(expected.tensors.size).toBeGreaterThan(50);
  for (const name of expected.tensors.keys()) {
    const [kind, tensor] = [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)];
    expect(await files[kind as 'f16' | 'bf16'].read(tensor)).toEqual(await expected.read(name));
  }
});
