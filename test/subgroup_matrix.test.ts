// Products of small matrices in hardware. Dawn compiles the kernels on its null backend, which runs nothing; what they compute is
// seen on an adapter that offers the feature (forms.test.ts), and here, without it, with the blocks multiplied by hand.
import { expect, test } from 'vitest';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { matmul } from '../src/ops/matmul.ts';
import { type Capabilities, leastCapabilities } from '../src/ops/op.ts';
import { openDevice } from '../src/runtime/device.ts';
import { SUBGROUP_MATRIX, subgroupMatricesOf } from '../src/runtime/platform/report.ts';
import { gridOf, halved, kernel, packSizes } from '../src/schedule/kernel.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { shaders } from '../src/shaders.gen.ts';
import { normal } from '../src/tensor/random.ts';
import { Tensor } from '../src/tensor/tensor.ts';

const names = Object.keys(shaders).filter((name) => name.startsWith('matmul_subgroup_matrix_'));
const sizeOf = (name: string) => /(\d+)x(\d+)x(\d+)$/.exec(name)!.slice(1).map(Number) as [number, number, number];

test('the files are one text but for three numbers', () => {
  const plain = names.map((name) => {
    const [M, N, K] = sizeOf(name);
    return shaders[name]!.replaceAll(`${M}x${N}x${K}`, 'size')
      .replace(`${M} x ${N} blocks over ${K} k`, 'blocks')
      .replace(/(const BLOCK_[MNK] =) \d+u/g, '$1 n');
  });
  expect(names.length).toBe(3);
  expect(new Set(plain).size).toBe(1);
});

// Collected while a promise of it is pending, Dawn waits for ever.
let kept: GPU;

test('Tint compiles every file, of f32 and of f16', async (context) => {
  const { create } = await import('webgpu');
  kept = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  const adapter = await kept.requestAdapter();
  const wanted = [SUBGROUP_MATRIX, 'shader-f16', 'subgroups'];
  if (!wanted.every((feature) => adapter?.features.has(feature))) context.skip('this Dawn has no subgroup matrices');
  const device = await adapter!.requestDevice({ requiredFeatures: wanted as GPUFeatureName[] });
  for (const name of names) {
    for (const half of [[], ['Storage'], ['Storage', 'Result']]) {
      device.pushErrorScope('validation');
      const module = device.createShaderModule({ code: halved(kernel(name).code, half) });
      const { messages } = await module.getCompilationInfo();
      expect(messages.map((m) => `${name} ${half}: ${m.lineNum}: ${m.message}`)).toEqual([]);
      const compute = { module, entryPoint: 'main' };
      await device.createComputePipelineAsync({ layout: 'auto', compute });
      expect(await device.popErrorScope()).toBe(null);
    }
  }
  device.destroy();
});

/** The kernel's text with a struct of numbers in place of each matrix, and every lane a subgroup of its own. */
function byHand(name: string): string {
  const [M, N, K] = sizeOf(name);
  const matrix = (type: string, rows: number, columns: number, element: string) => `
struct ${type} { at: array<${element}, ${rows * columns}> }`;
  const load = (type: string, from: string, rows: number, columns: number, order: string) => `
fn load_${type}_${order}(start: u32, stride: u32) -> ${type} {
  var m: ${type};
  for (var r = 0u; r < ${rows}u; r++) {
    for (var c = 0u; c < ${columns}u; c++) {
      m.at[r * ${columns}u + c] = ${from}[start + ${order === 'row_major' ? 'r * stride + c' : 'c * stride + r'}];
    }
  }
  return m;
}`;
  return [
    kernel(name)
      .code.replace(/^enable .*$|^diagnostic.*$|^alias (Left|Right|Sum) .*$/gm, '')
      .replace(/subgroupMatrixLoad<(\w+), (\w+)>\(&\w+, /g, 'load_$1_$2(')
      .replace(/subgroupMatrixStore<row_major>\(&tile, /, 'store(')
      .replace('@builtin(subgroup_id) subgroup: u32,\n  @builtin(num_subgroups) subgroups: u32,\n', '')
      .replace('let a_start', 'let subgroup = lane;\n  let subgroups = 128u;\n  let a_start'),
    matrix('Left', M, K, 'Storage'),
    matrix('Right', K, N, 'Storage'),
    matrix('Sum', M, N, 'f32'),
    ...['row_major', 'col_major'].flatMap((order) => [load('Left', 'a', M, K, order), load('Right', 'b', K, N, order)]),
    `
fn subgroupMatrixMultiplyAccumulate(left: Left, right: Right, sum: Sum) -> Sum {
  var l = left;
  var r = right;
  var s = sum;
  for (var i = 0u; i < ${M}u; i++) {
    for (var j = 0u; j < ${N}u; j++) {
      for (var k = 0u; k < ${K}u; k++) {
        s.at[i * ${N}u + j] += f32(l.at[i * ${K}u + k]) * f32(r.at[k * ${N}u + j]);
      }
    }
  }
  return s;
}
fn store(start: u32, sum: Sum, stride: u32) {
  var s = sum;
  for (var i = 0u; i < ${M}u; i++) {
    for (var j = 0u; j < ${N}u; j++) {
      tile[start + i * stride + j] = s.at[i * ${N}u + j];
    }
  }
}`,
  ].join('\n');
}

/** Error of a sum in f32, in any order, over its bound: a rounding for each term, of all of them together at most. */
function share(terms: readonly number[], got: number): number {
  const [sum, size] = [terms.reduce((a, b) => a + b), terms.reduce((a, b) => a + Math.abs(b), 0)];
  return Math.abs(sum - got) / (terms.length * 2 ** -24 * size);
}

/** The kernel by hand in one layout, with everything that it does in passing: the largest error, in units of its bound. */
async function errorOf(gpu: GPUDevice, pipeline: GPUComputePipeline, name: string, layout: string) {
  // A batch, more than a tile each way, blocks that a tile does not fill.
  const [B, M, N, K] = [layout === 'NN' ? 2 : 1, 80, 80, 16];
  const [a, b, bias, residual, y] = [B * M * K, B * K * N, N, B * M * N, B * M * N].map((n, i) => normal(n, 1, 3, i));
  const values: Record<string, Float32Array> = { a: a!, b: b!, bias: bias!, residual: residual!, y: y! };
  const [A_TRANSPOSED, B_TRANSPOSED] = [...layout].map((c) => (c === 'T' ? 1 : 0)) as [number, number];
  const shape = { M, N, K, A_TRANSPOSED, B_TRANSPOSED };
  const sizes = {
    ...shape,
    HAS_BIAS: 1,
    HAS_RESIDUAL: 1,
    ACCUMULATE: 1,
    HAS_SUMS: B === 1 ? 1 : 0,
    ACCUMULATE_SUMS: 0,
  };
  const k = kernel(name);
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffers = k.bindings.map((each) => {
    const data = each.access === 'uniform' ? packSizes(k, sizes) : (values[each.name] ?? new Float32Array(N));
    const usage = (each.access === 'uniform' ? UNIFORM : STORAGE) | COPY_SRC | COPY_DST;
    const buffer = gpu.createBuffer({ size: data.byteLength, usage });
    gpu.queue.writeBuffer(buffer, 0, data as GPUAllowSharedBufferSource);
    return { ...each, buffer };
  });
  const entries = buffers.map(({ index, buffer }) => ({ binding: index, resource: { buffer } }));
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(...gridOf(k, [N, M, B]));
  pass.end();
  const read = gpu.createBuffer({ size: 4 * (y!.length + N), usage: MAP_READ | COPY_DST });
  const bufferOf = (binding: string) => buffers.find((each) => each.name === binding)!.buffer;
  encoder.copyBufferToBuffer(bufferOf('y'), 0, read, 0, 4 * y!.length);
  encoder.copyBufferToBuffer(bufferOf('sums'), 0, read, 4 * y!.length, 4 * N);
  gpu.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  const got = new Float32Array(read.getMappedRange());

  const at = (e: number, r: number, i: number) => a![e * M * K + (A_TRANSPOSED ? i * M + r : r * K + i)]!;
  const bt = (e: number, i: number, c: number) => b![e * K * N + (B_TRANSPOSED ? c * K + i : i * N + c)]!;
  let worst = 0;
  for (let place = 0; place < B * M * N; place++) {
    const [e, r, c] = [Math.floor(place / (M * N)), Math.floor(place / N) % M, place % N];
    const terms = [bias![c]!, residual![place]!, y![place]!];
    for (let i = 0; i < K; i++) terms.push(at(e, r, i) * bt(e, i, c));
    worst = Math.max(worst, share(terms, got[place]!));
  }
  for (let c = 0; c < N && B === 1; c++) {
    const terms = Array.from({ length: K }, (_, i) => bt(0, i, c));
    worst = Math.max(worst, share(terms, got[y!.length + c]!));
  }
  return worst;
}

test('with its blocks multiplied by hand a kernel computes the product, in every layout', async (context) => {
  // Mesa's compiler takes minutes over the structs.
  const device = await openDevice({ adapter: 'swiftshader' }).catch(() => context.skip('there is no SwiftShader'));
  const name = 'matmul_subgroup_matrix_8x8x8';
  try {
    const module = device.device.createShaderModule({ code: byHand(name) });
    const compute = { module, entryPoint: 'main' };
    const pipeline = await device.device.createComputePipelineAsync({ layout: 'auto', compute });
    for (const layout of ['NN', 'NT', 'TN', 'TT'])
      expect(await errorOf(device.device, pipeline, name, layout), layout).toBeLessThan(1);
  } finally {
    device.close();
  }
});

test('a form runs where the adapter offers its sizes and types with sums in f32, and nowhere else', () => {
  const configs = [
    { M: 8, N: 8, K: 8, componentType: 'f16', resultComponentType: 'f16' },
    { M: 16, N: 16, K: 16, componentType: 'f16', resultComponentType: 'f32' },
  ];
  const info = { subgroupMatrixConfigs: configs } as unknown as GPUAdapterInfo;
  const capabilities: Capabilities = {
    ...leastCapabilities,
    features: new Set([SUBGROUP_MATRIX, 'subgroups', 'shader-f16']),
    ...{ software: false, subgroupMinSize: 32, subgroupMaxSize: 32 },
    subgroupMatrices: subgroupMatricesOf(info),
  };
  const formOf = (M: number, dtype: 'f32' | 'f16', here: Capabilities = capabilities, K = 64) => {
    const input = (name: string, shape: number[]) => new Tensor({ kind: 'state', name, shape, dtype });
    const graph = graphOf(() => ({ y: matmul(input('a', [M, K]), input('b', [K, 128])) }), {});
    return makePlan(graph, here).dispatches[0]!.form;
  };
  expect(formOf(64, 'f16')).toBe('subgroup_matrix_16x16x16_f16');
  expect(formOf(65, 'f16')).toBe('shared');
  // Few tiles and a long sum, as in a gradient of weights: cut along k, unless there are tiles enough.
  expect(formOf(128, 'f16', capabilities, 4096)).toBe('shared_split');
  expect(formOf(128, 'f16', capabilities, 512)).toBe('subgroup_matrix_16x16x16_f16');
  expect(formOf(4096, 'f16', capabilities, 4096)).toBe('subgroup_matrix_16x16x16_f16');
  expect(formOf(64, 'f32')).toBe('shared');
  expect(formOf(64, 'f16', { ...capabilities, subgroupMatrices: ['8x8x8 f16 f16'] })).toBe('shared');
  expect(formOf(64, 'f16', { ...capabilities, features: new Set(['subgroups', 'shader-f16']) })).toBe('shared');
});
