// f16 as a way to store: rounding, casts, what a kernel's aliases become, and how plans and devices keep halves.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backward } from '../src/autograd/backward.ts';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { dtypeOn } from '../src/cli/dtype.ts';
import type { Output } from '../src/cli/output.ts';
import { InputError } from '../src/errors.ts';
import { cast } from '../src/ops/cast.ts';
import { assign } from '../src/ops/copy.ts';
import { matmul } from '../src/ops/matmul.ts';
import { mul } from '../src/ops/mul.ts';
import { type Capabilities, constant, currentTape, defineOp, leastCapabilities, stepScalar } from '../src/ops/op.ts';
import { reshape } from '../src/ops/reshape.ts';
import { scale } from '../src/ops/scale.ts';
import { sum } from '../src/ops/sum.ts';
import { Twin } from '../src/reference/twin.ts';
import { type Device, openDevice } from '../src/runtime/device.ts';
import { halved, kernel } from '../src/schedule/kernel.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { printPlan } from '../src/schedule/print_plan.ts';
import { f32BitsToF16, float32ToHalves, halvesToFloat32, roundToHalf } from '../src/tensor/halves.ts';
import { normal } from '../src/tensor/random.ts';
import { fromStored, toStored } from '../src/tensor/stored.ts';
import { bytesOf, type DType, Tensor } from '../src/tensor/tensor.ts';

let device: Device;
beforeAll(async () => {
  const wanted = process.env.SHADERFORMER_ADAPTER;
  device = await openDevice(wanted ? { adapter: wanted } : {});
});
afterAll(() => device.close());

const withHalf: Capabilities = { ...leastCapabilities, features: new Set(['shader-f16']) };

/** A test of the device, skipped with the reason where it has no f16. */
const onHalf = (name: string, run: () => Promise<void>) =>
  test(name, async (context) => {
    if (!device.capabilities.features.has('shader-f16')) context.skip(`${device.name} has no shader-f16`);
    await run();
  });

describe('rounding', () => {
  const all = halvesToFloat32(
    Uint16Array.from({ length: 65536 }, (_, i) => i),
    'F16',
  );

  test('every half is itself', () => {
    const wrong = all.filter((x) => !Object.is(roundToHalf(x), x) && !Number.isNaN(x));
    expect([...wrong]).toEqual([]);
    expect(roundToHalf(Number.NaN)).toBeNaN();
  });

  test('between two halves the nearer one is taken, in the middle the even one, from float64 at once', () => {
    for (let i = 0; i < 0x7bff; i++) {
      const [low, high] = [all[i]!, all[i + 1]!];
      const middle = (low + high) / 2;
      // One part in 2^50: float32 would round it away first, and land in the middle.
      const little = middle * 2 ** -50;
      const expected = [low, i % 2 === 0 ? low : high, high];
      const got = [middle - little, middle, middle + little].map(roundToHalf);
      const negative = [middle - little, middle, middle + little].map((x) => -roundToHalf(-x));
      if (`${got}` !== `${expected}` || `${negative}` !== `${expected}`) expect.fail(`${low} and ${high}: ${got}`);
    }
    expect([65519.9, 65520, -65520, 2 ** -25, 2 ** -25 * 1.01].map(roundToHalf)).toEqual([
      65504,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      0,
      2 ** -24,
    ]);
  });

  test('of a float32 it is what checkpoints write', () => {
    const values = normal(4096, 1, 1, 0).map((x, i) => x * 10 ** ((i % 14) - 9));
    const bits = new Uint32Array(values.buffer);
    const written = halvesToFloat32(Uint16Array.from(bits, f32BitsToF16), 'F16');
    expect(Float32Array.from(values, roundToHalf)).toEqual(written);
  });
});

/** An odd number of them, with the edges of the range. */
const numbers = Float32Array.of(0, -0, 1, 1 / 3, -65519, 65504, 65520, -1e30, 2 ** -24, 2 ** -25, 3e-6);
const stored = halvesToFloat32(float32ToHalves(numbers, 'F16'), 'F16');
const batch = { x: { shape: [11], data: numbers } };

/** Device against twin: the same, or a neighbour, since WGSL leaves it open which way a number is rounded. */
function expectRounded(got: ArrayLike<number>) {
  expect(got.length).toBe(stored.length);
  for (const [i, exact] of stored.entries()) {
    const step = Number.isFinite(exact) ? Math.max(2 ** -24, Math.abs(exact) * 2 ** -10) : 0;
    if (!Object.is(got[i]! + 0, exact + 0) && !(Math.abs(got[i]! - numbers[i]!) <= step))
      expect.fail(`${numbers[i]}: expected ${exact}, got ${got[i]}`);
  }
}

describe('cast', () => {
  const there = ({ x }: Record<string, Tensor>) => ({ half: cast(x!, 'f16'), back: cast(cast(x!, 'f16'), 'f32') });

  test('rounds on the twin, and back loses nothing', async () => {
    const { half, back } = await new Twin().compile(there)(batch);
    expect(await half.read()).toEqual(stored);
    expect(await back.read()).toEqual(stored);
  });

  onHalf('rounds on the device', async () => {
    const { half, back } = await device.compile(there)(batch);
    expectRounded(await half!.read());
    expectRounded(await back!.read());
  });

  test('is nothing where the type is that already, and refuses whole numbers', () => {
    const x = new Tensor({ kind: 'state', shape: [2], dtype: 'f16' });
    expect(cast(x, 'f16')).toBe(x);
    const whole = new Tensor({ kind: 'state', shape: [2], dtype: 'i32' });
    expect(() => graphOf(() => ({ y: cast(whole, 'f16') }), {})).toThrow(
      'cast: x holds i32, to become f16; expected f32 or f16 for both.',
    );
  });

  test('keeps one gradient: that of a weight read as f16 is made in f32, onto what is there', () => {
    const weight = new Tensor({ kind: 'parameter', name: 'w', shape: [4, 4] });
    const before = new Tensor({ kind: 'state', name: 'before', shape: [4, 4] });
    const graph = graphOf(
      ({ x }) => {
        const y = matmul(cast(reshape(x!, [2, 4]), 'f16'), cast(weight, 'f16'));
        return { gradient: backward(sum(cast(y, 'f32')), { onto: new Map([[weight, before]]) }).get(weight)! };
      },
      { x: { shape: [8], data: new Float32Array(8) } },
    );
    const gradient = graph.outputs.get('gradient')!;
    const maker = graph.producer.get(gradient)!;
    expect([gradient.dtype, maker.op.name, maker.inputs.add]).toEqual(['f32', 'matmul', before]);
  });
});

test('a loss may be a cast: its gradient begins in the type of what was cast', async () => {
  const weight = new Tensor({ kind: 'parameter', name: 'w', shape: [1], init: () => Float32Array.of(3) });
  const compiled = new Twin().compile(({ x }) => {
    const loss = cast(mul(cast(weight, 'f16'), cast(x!, 'f16')), 'f32');
    return { loss, gradient: backward(loss).get(weight)! };
  });
  const { loss, gradient } = await compiled({ x: { shape: [1], data: Float32Array.of(0.5) } });
  expect([await loss.item(), await gradient.item()]).toEqual([1.5, 0.5]);
});

describe('state, constants, inputs and results', () => {
  const state = new Tensor({ kind: 'state', name: 'half', shape: [11], dtype: 'f16', init: () => numbers });
  const fn = ({ x }: Record<string, Tensor>) => {
    const before = scale(state, 1);
    const fixed = scale(
      constant('fixed', [11], () => numbers, 'f16'),
      1,
    );
    const sent = scale(stepScalar('third', 'f16'), 1);
    const after = cast(x!, 'f16');
    assign(state, after);
    return { before, fixed, sent, after: reshape(after, [11]) };
  };
  const scalars = { third: 1 / 3 };

  test('are rounded on the twin', async () => {
    const twin = new Twin();
    const { before, fixed, sent, after } = await twin.compile(fn)(batch, scalars);
    for (const value of [before, fixed, after]) expect(await value!.read()).toEqual(stored);
    expect(await sent!.item()).toBe(roundToHalf(1 / 3));
    twin.write(state, numbers);
    expect(await twin.read(state)).toEqual(stored);
  });

  onHalf('are the same on the device, however odd their number', async () => {
    const results = await device.compile(fn)(batch, scalars);
    // The border rounds on the host: these are exact.
    for (const name of ['before', 'fixed'] as const) expect(await results[name]!.read()).toEqual(stored);
    expect(await results.sent!.item()).toBe(roundToHalf(1 / 3));
    expectRounded(await results.after!.read());
    expectRounded(await device.read(state));
    device.write(state, numbers);
    expect(await device.read(state)).toEqual(stored);
  });
});

test('what is read keeps the buffer that it fills, and takes its own part of a larger one', () => {
  const bytes = Float32Array.of(1, 2, 3, 4).buffer;
  expect(fromStored('f32', bytes, 0, 4).buffer).toBe(bytes);
  const part = fromStored('f32', bytes, 4, 2);
  expect([part, part.buffer.byteLength]).toEqual([Float32Array.of(2, 3), 8]);
  const odd = toStored('f16', Float32Array.of(1, 2, 3)).buffer;
  expect([odd.byteLength, fromStored('f16', odd, 2, 2)]).toEqual([8, Float32Array.of(2, 3)]);
});

describe('a plan', () => {
  /** One dispatch of a kernel over values of these types. */
  const planned = (name: string, types: Record<string, DType>, capabilities: Capabilities) => {
    const op = defineOp<null>({
      name: 'odd',
      outputs: () => ({ y: { shape: [4], dtype: types.y! } }),
      forms: [{ name: 'only', dispatches: () => [{ kernel: name, sizes: { N: 4 }, threads: [4] }] }],
      backward: 'not differentiable',
    });
    const { y: _, ...inputs } = types;
    const values = Object.entries(inputs).map(([n, dtype]) => [n, new Tensor({ kind: 'state', shape: [4], dtype })]);
    return makePlan(
      graphOf(() => ({ y: currentTape().push(op, Object.fromEntries(values), null).y! }), {}),
      capabilities,
    );
  };

  test('gives each alias the type of what is bound', () => {
    expect(kernel('cast').aliases).toEqual(['From', 'To']);
    expect(planned('cast', { x: 'f32', y: 'f16' }, withHalf).dispatches[0]!.half).toEqual(['To']);
    expect(planned('cast', { x: 'f16', y: 'f32' }, withHalf).dispatches[0]!.half).toEqual(['From']);
    expect(planned('cast', { x: 'f32', y: 'f32' }, leastCapabilities).dispatches[0]!.half).toEqual([]);
    expect(printPlan(planned('cast', { x: 'f32', y: 'f16' }, withHalf))).toContain('y(4)f16@arena0');
  });

  test('refuses two types for one alias, f16 without an alias, whole numbers, and an adapter without f16', () => {
    expect(() => planned('add', { a: 'f16', b: 'f32', y: 'f16' }, withHalf)).toThrow(
      /^odd: "a" holds f16 and "b" f32, kernel add takes one type for both \(Storage\)$/,
    );
    expect(() => planned('root_of_sum', { x: 'f16', y: 'f32' }, withHalf)).toThrow(
      /^odd: "x" holds f16, kernel root_of_sum takes f32 there$/,
    );
    expect(() => planned('cast', { x: 'i32', y: 'f32' }, withHalf)).toThrow(
      /^odd: "x" holds i32, kernel cast takes f32 or f16 there$/,
    );
    const lacking = () => planned('cast', { x: 'f32', y: 'f16' }, leastCapabilities);
    expect(lacking).toThrow(InputError);
    expect(lacking).toThrow(/^odd: stores values as f16, this adapter has no shader-f16\. Use f32\.$/);
  });

  test('names the type in the text, on the same lines', () => {
    const { code } = kernel('cast');
    expect(halved(code, [])).toBe(code);
    const half = halved(code, ['To']).split('\n');
    expect(half.length).toBe(code.split('\n').length);
    expect(half[0]!.startsWith('enable f16; // cast:')).toBe(true);
    expect(half).toContain('alias To = f16;');
    expect(half).toContain('alias From = f32;');
  });

  test('stores f16 in half the bytes, and never in the storage of another type', () => {
    expect([bytesOf(6, 'f16'), bytesOf(6, 'f32'), bytesOf(6, 'i32')]).toEqual([12, 24, 24]);
    const bytes = (dtype: 'f32' | 'f16') => {
      const big = { x: { shape: [1 << 16], data: new Float32Array(1 << 16) } };
      const graph = graphOf(({ x }) => ({ y: scale(scale(cast(x!, dtype), 2), 3) }), big);
      return makePlan(graph, withHalf).arena.reduce((a, b) => a + b);
    };
    expect(bytes('f16')).toBe(bytes('f32') / 2);
    const state = new Tensor({ kind: 'state', name: 's', shape: [11], dtype: 'f16' });
    const other = () =>
      graphOf(({ x }) => {
        assign(state, x!);
        return { x: x! };
      }, batch);
    expect(other).toThrow('assign: value holds f32, expected f16.');
  });
});

test('where an adapter has no f16, one line says so and f32 is used', () => {
  const notes: string[] = [];
  const out = { note: (line: string) => notes.push(line) } as unknown as Output;
  const adapter = (capabilities: Capabilities) => ({ capabilities }) as Device;
  expect(dtypeOn(adapter(leastCapabilities), 'f16', out)).toBe('f32');
  expect(notes).toEqual(['dtype: f16 is not available on this adapter (it has no shader-f16), f32 is used']);
  expect([dtypeOn(adapter(withHalf), 'f16', out), dtypeOn(adapter(leastCapabilities), 'f32', out)]).toEqual([
    'f16',
    'f32',
  ]);
  expect(notes.length).toBe(1);
});
