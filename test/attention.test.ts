// Attention over a long context, and what the causal rule saves: keys and queries that it hides are not computed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attention, attentionPacked } from '../src/ops/attention.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { normal } from '../src/tensor/random.ts';
import { type Shape, sizeOf } from '../src/tensor/shape.ts';
import { expectClose, onBoth } from './harness/op_compare.ts';
import { stepNumber, wholes } from './harness/op_row.ts';
import { prepare, run, type Sample } from './harness/op_sample.ts';

const wanted = process.env.SHADERFORMER_ADAPTER;
const open = (form?: string) =>
  openDevice({ ...(wanted && { adapter: wanted }), kernels: form ? { attention_backward: form } : {} });

let device: Device;
beforeAll(async () => {
  device = await open();
});
afterAll(() => device.close());

test('a context of 4,096: outputs and gradients are those of the twin', async () => {
  const shape = [1, 1, 4096, 8];
  const sample: Sample = {
    name: 'long',
    real: { q: shape, k: shape, v: shape },
    build: (t) => attention(t.q!, t.k!, t.v!, { causal: true }),
  };
  const [got, expected] = await onBoth(device, sample);
  // Sums of up to 4,096 products in order.
  for (const [name, values] of expected) expectClose(name, got.get(name)!, values, 3e-5);
});

describe.each(['scores', 'recompute'])('what the causal rule hides is never computed with (backward: %s)', (form) => {
  let own: Device;
  beforeAll(async () => {
    own = await open(form);
  });
  afterAll(() => own.close());

  // A NaN that is multiplied with a probability of 0 is still seen. Rows are done 8 at a time at most, so that the first 16 of 32
  // have tiles of their own.
  const [T, D, seen] = [32, 8, 16];
  const shape: Shape = [1, 1, T, D];
  const values = (stream: number, hidden?: 'first' | 'last') => ({
    shape,
    values: normal(sizeOf(shape), 1, 3, stream).map((x, i) => {
      const early = i < seen * D;
      return (hidden === 'first' && early) || (hidden === 'last' && !early) ? Number.NaN : x;
    }),
  });
  const finite = (x: ArrayLike<number>) => Array.from(x).every(Number.isFinite);
  const sample = (real: Sample['real'], p: number, window?: number): Sample => ({
    name: 'hidden',
    real,
    build: (t) =>
      attention(t.q!, t.k!, t.v!, { causal: true, window, dropout: { p, seed: 1, site: 0, step: stepNumber(1) } }),
  });
  const resultsOf = async (given: Sample) => {
    const prepared = prepare(given);
    const results = await run(own, prepared);
    own.release(prepared.parameters.values());
    return (name: string) => Array.from(results.get(name)!);
  };

  test.each([0, 0.2])('later keys and values, dropout %d', async (p) => {
    const of = await resultsOf(sample({ q: values(0), k: values(1, 'last'), v: values(2, 'last') }, p));
    for (const name of ['y', 'dq']) expect(finite(of(name).slice(0, seen * D)), name).toBe(true);
    expect(
      of('y')
        .slice(seen * D)
        .some(Number.isNaN),
    ).toBe(true);
  });

  test.each([0, 0.2])('earlier queries, dropout %d', async (p) => {
    const of = await resultsOf(sample({ q: values(0, 'first'), k: values(1), v: values(2) }, p));
    for (const name of ['dk', 'dv']) expect(finite(of(name).slice(seen * D)), name).toBe(true);
    expect(
      of('dk')
        .slice(0, seen * D)
        .some(Number.isNaN),
    ).toBe(true);
  });

  // From query 24 on a window of 8 hides the first 16 keys, and from key 16 on the last query of a key is 8 further at most.
  test('keys and values before the window', async () => {
    const of = await resultsOf(sample({ q: values(0), k: values(1, 'first'), v: values(2, 'first') }, 0, 8));
    const late = (seen + 8) * D;
    for (const name of ['y', 'dq']) expect(finite(of(name).slice(late)), name).toBe(true);
    expect(of('y').slice(0, late).some(Number.isNaN)).toBe(true);
  });

  // Two examples of 16 and 16 columns, of which neither meets the other, in whole tiles.
  const packed = (real: Sample['real']): Sample => ({
    name: 'packed',
    real,
    whole: { starts: wholes([1, T], ...Array.from({ length: T }, (_, t) => (t < seen ? 0 : seen))) },
    build: (t) => attention(t.q!, t.k!, t.v!, { causal: true, starts: t.starts! }),
  });

  test('keys and values of an earlier example', async () => {
    const of = await resultsOf(packed({ q: values(0), k: values(1, 'first'), v: values(2, 'first') }));
    for (const name of ['y', 'dq']) expect(finite(of(name).slice(seen * D)), name).toBe(true);
    expect(
      of('y')
        .slice(0, seen * D)
        .some(Number.isNaN),
    ).toBe(true);
  });

  test('queries of a later example', async () => {
    const of = await resultsOf(packed({ q: values(0, 'last'), k: values(1), v: values(2) }));
    for (const name of ['dk', 'dv']) expect(finite(of(name).slice(0, seen * D)), name).toBe(true);
    expect(
      of('dk')
        .slice(seen * D)
        .some(Number.isNaN),
    ).toBe(true);
  });

  test('queries behind the window', async () => {
    const of = await resultsOf(sample({ q: values(0, 'last'), k: values(1), v: values(2) }, 0, 8));
    for (const name of ['dk', 'dv']) expect(finite(of(name).slice(0, (seen - 8) * D)), name).toBe(true);
    expect(
      of('dk')
        .slice(0, seen * D)
        .some(Number.isNaN),
    ).toBe(true);
  });
});

test('packed input is read where it lies: a head is the same to the bit beside others and alone', async () => {
  const [T, D, heads] = [70, 16, 3];
  const qkv = normal(T * 3 * heads * D, 1, 4, 0);
  const part = (head: number) =>
    Float32Array.from({ length: T * 3 * D }, (_, i) => {
      const [t, which, d] = [Math.floor(i / (3 * D)), Math.floor(i / D) % 3, i % D];
      return qkv[t * 3 * heads * D + which * heads * D + head * D + d]!;
    });
  const all = device.compile((t) => ({ y: attentionPacked(t.qkv!, { heads, causal: true }) }));
  const one = device.compile((t) => ({ y: attentionPacked(t.qkv!, { heads: 1, causal: true }) }));
  const together = await (await all({ qkv: { shape: [1, T, 3 * heads * D], data: qkv } })).y!.read();
  for (let head = 0; head < heads; head++) {
    const alone = await (await one({ qkv: { shape: [1, T, 3 * D], data: part(head) } })).y!.read();
    const its = Float32Array.from(
      { length: T * D },
      (_, i) => together[Math.floor(i / D) * heads * D + head * D + (i % D)]!,
    );
    expect(its).toEqual(alone);
  }
});
