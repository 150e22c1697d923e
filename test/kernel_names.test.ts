// TypeScript binds kernels by name: names, sizes and tiles are read from the WGSL text, and a name that does not fit is refused.
import { expect, test } from 'vitest';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { TILES } from '../src/ops/matmul_forms.ts';
import { currentTape, type Dispatch, defineOp, leastCapabilities } from '../src/ops/op.ts';
import { WIDE_BLOCK } from '../src/ops/softmax_stats.ts';
import { gridOf, kernel, packSizes, reflect } from '../src/schedule/kernel.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { Tensor } from '../src/tensor/tensor.ts';

const text = `// optional: bias
struct Sizes { N: u32, factor: f32, }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4f>; // var<storage, read> not_me
@group(0) @binding(5) var<uniform> sizes: Sizes;
override WIDTH: u32 = 4;
const TILE_X = 256;
const TILE_Y: u32 = 8;`;

test('names, bindings, sizes, tile and overrides are read from the text', () => {
  const k = reflect('test', text);
  expect(k.bindings.map((b) => `${b.index} ${b.name} ${b.access}`)).toEqual([
    '0 x read',
    '2 bias read',
    '3 y read_write',
    '5 sizes uniform',
  ]);
  expect(k.sizes).toEqual([
    { name: 'N', type: 'u32', offset: 0 },
    { name: 'factor', type: 'f32', offset: 4 },
  ]);
  expect([k.tile, [...k.optional], [...k.overrides]]).toEqual([[256, 8, 1], ['bias'], ['WIDTH']]);
});

test('where TypeScript counts tiles, they are those of the kernel', () => {
  for (const [name, tile] of Object.entries(TILES)) expect(kernel(name).tile, name).toEqual([...tile, 1]);
  expect(kernel('softmax_stats_backward_wide').tile).toEqual([WIDE_BLOCK, 1, 1]);
});

test('the two kernels for subgroups of eight are one text but for rows', () => {
  const lines = (name: string) => kernel(name).code.split('\n');
  const beyond = /\b[sxz](1[6-9]|2\d|3[01])(_[lr])?\b|\b[apq][23]\b|ROWS_FIRST/;
  const shortened = lines('matmul_subgroup8_32')
    .filter((line) => !beyond.test(line))
    .map((line) =>
      line
        .replace('subgroup8_32', 'subgroup8')
        .replace(/\b32(u\b| rows)/g, '16$1')
        .replace(/(TILE_Y =|each of|vec4f,) (\d+)/, (_, before, n) => `${before} ${n / 2}`)
        .replace('place.', 'group.'),
    );
  expect(shortened).toEqual(lines('matmul_subgroup8'));
});

test('sizes that are missing, unknown or no whole numbers are refused', () => {
  const k = reflect('test', text);
  expect(new Uint32Array(packSizes(k, { N: 7, factor: 1 }).buffer)).toEqual(Uint32Array.of(7, 0x3f800000, 0, 0));
  expect(() => packSizes(k, { N: 7 })).toThrow('test: size "factor" is not given');
  expect(() => packSizes(k, { N: 7, factor: 1, M: 2 })).toThrow('test: Sizes has no field "M"');
  expect(() => packSizes(k, { N: 1.5, factor: 1 })).toThrow('test: size "N" is 1.5, not a 32-bit whole number');
  const signed = reflect('test', '@group(0) @binding(0) var<uniform> sizes: Sizes; struct Sizes { i: i32 }');
  expect(new Int32Array(packSizes(signed, { i: -7 }).buffer)[0]).toBe(-7);
  expect(() => packSizes(signed, { i: 2 ** 31 })).toThrow('test: size "i" is 2147483648, not a 32-bit whole number');
  expect(() => reflect('test', 'struct Sizes { a: vec2f }')).toThrow('only u32, i32 and f32 are reflected');
  expect(() => reflect('test', 'struct Sizes { a: u32 }')).toThrow('the uniform binding and struct Sizes go together');
  expect(() => reflect('test', '// lib: nowhere')).toThrow('there is no snippet shaders/lib/nowhere.wgsl');
  expect(() => kernel('nowhere')).toThrow('there is no kernel "nowhere" in shaders/');
});

test('a grid of one axis is folded into rows below 65,535 workgroups', () => {
  const k = reflect('test', '// lib: fold\nconst TILE_X = 64;');
  expect(gridOf(k, [64 * 65535])).toEqual([65535, 1, 1]);
  const [columns, lines] = gridOf(k, [64 * 65536]);
  expect([columns * lines >= 65536, columns <= 65535, lines]).toEqual([true, true, 2]);
  const message = 'test: needs a grid of (70000,2,1) workgroups, WebGPU allows 65535 an axis.';
  expect(() => gridOf(k, [64 * 70000, 2])).toThrow(message);
  expect(() => gridOf(reflect('test', 'const TILE_X = 64;'), [64 * 65536])).toThrow('(65536,1,1)'); // it could not unfold it
});

test('a dispatch with a wrong name is refused when the plan is made', () => {
  const batch = { x: { shape: [4], data: new Float32Array(4) } };
  const planned = (dispatch: Partial<Dispatch>, input = 'x') => {
    const op = defineOp<null>({
      name: 'odd',
      outputs: (inputs) => ({ y: { shape: inputs[input]!.shape } }),
      forms: [
        {
          name: 'only',
          dispatches: () => [{ kernel: 'scale', sizes: { N: 4, factor: 1 }, threads: [4], ...dispatch }],
        },
      ],
      backward: 'not differentiable',
    });
    return makePlan(
      graphOf((t) => ({ y: currentTape().push(op, { [input]: t.x! }, null).y! }), batch),
      leastCapabilities,
    );
  };
  expect(planned({}).dispatches.length).toBe(1);
  expect(() => planned({ sizes: { N: 4 } })).toThrow('scale: size "factor" is not given');
  expect(() => planned({ constants: { WIDTH: 3 } })).toThrow('odd: kernel scale has no override "WIDTH"');
  const z = new Tensor({ kind: 'state', shape: [4] });
  expect(() => planned({ bind: { z } })).toThrow('odd: kernel scale has no binding "z"');
  expect(() => planned({}, 'a')).toThrow('odd: kernel scale needs "x", which the node does not have');
});
