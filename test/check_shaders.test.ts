// The check of every kernel in two compilers: what it finds, and how it says where.

import { expect, test } from 'vitest';
import { readShaders } from '../scripts/shader-files.ts';
import { type CheckedShader, checkShaders } from '../src/cli/elsewhere/check_shaders.ts';
import { denoProgram } from '../src/cli/elsewhere/deno.ts';

const deno = (() => {
  try {
    return denoProgram();
  } catch (error) {
    return error as Error;
  }
})();
const naga = deno instanceof Error ? 'skipped' : 'ok';

const kernel = (body: string, before = '') =>
  `// lib: twice\n${before}@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n` +
  `@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) at: vec3u) {\n${body}\n}\n`;
const twice = 'fn twice(a: f32) -> f32 {\n  return 2.0 * a;\n}\n';

async function check(files: Record<string, string>): Promise<Map<string, CheckedShader>> {
  const { shaders } = await checkShaders(new Map(Object.entries(files)));
  return new Map(shaders.map((shader) => [shader.name, shader]));
}

const outcomes = (shader: CheckedShader | undefined) =>
  Object.fromEntries([...shader!.verdicts].map(([compiler, { outcome }]) => [compiler, outcome]));

test('every kernel of the project compiles in Tint, and in naga where it can', async () => {
  const { shaders } = await checkShaders(readShaders());
  expect(shaders.length).toBeGreaterThan(0);
  expect(shaders.filter(({ failed }) => failed).flatMap(({ messages }) => messages)).toEqual([]);
});

test('snippets are appended behind the kernel', async () => {
  const found = await check({ good: kernel('x[at.x] = twice(x[at.x]);'), 'lib/twice': twice });
  expect(outcomes(found.get('good'))).toEqual({ tint: 'ok', naga });
  expect(outcomes(found.get('lib/twice'))).toEqual({ tint: 'ok', naga });
});

test('a mistake is named by file, line and column, in the kernel or in its snippet', async () => {
  const found = await check({
    wrong: kernel('x[at.x] = missing;'),
    broken: kernel('x[at.x] = twice(x[at.x]);'),
    'lib/twice': 'fn twice(a: f32) -> f32 {\n  return 2u * a;\n}\n',
  });
  expect(found.get('wrong')!.messages.join('\n')).toMatch(/shaders\/wrong\.wgsl:4:11: error \(tint\)/);
  expect(found.get('broken')!.messages.join('\n')).toMatch(/shaders\/lib\/twice\.wgsl:2:\d+: error \(tint\)/);
  expect(outcomes(found.get('wrong'))).toEqual({ tint: 'failed', naga: naga === 'ok' ? 'failed' : naga });
});

test('Tint is the judge of barriers in non-uniform flow', async () => {
  const found = await check({ barrier: kernel('if (x[0] > 0.0) { workgroupBarrier(); }'), 'lib/twice': twice });
  expect(found.get('barrier')!.failed).toBe(true);
});

test('a file that enables what an adapter lacks is skipped with the reason', async () => {
  const body = 'x[at.x] = subgroupAdd(x[at.x]);';
  const found = await check({ sum_subgroups: `enable subgroups;\n${kernel(body)}`, 'lib/twice': twice });
  if (naga === 'ok') {
    expect(found.get('sum_subgroups')!.verdicts.get('naga')).toEqual({
      outcome: 'skipped',
      reason: 'the adapter has no subgroups',
    });
  }
  expect(found.get('sum_subgroups')!.failed).toBe(false);
});

test('a kernel whose storage type can change is compiled as f16 too', async () => {
  const body = 'x[at.x] = f32(Storage(x[at.x]));';
  const found = await check({ store: kernel(body, 'alias Storage = f32;\n'), 'lib/twice': twice });
  expect(found.get('store as f16')!.failed).toBe(false);
  expect(found.get('store as f16')!.verdicts.get('tint')!.outcome).toMatch(/ok|skipped/);
});

test('a kernel that takes the compiler down is named, and the others are still compiled', async (context) => {
  if (deno instanceof Error) context.skip(deno.message);
  const pointer = 'fn first(p: ptr<function, f32>) -> f32 { return *p; }\n';
  const found = await check({
    a: kernel('x[at.x] = 1.0;'),
    crash: kernel('var a = array<f32, 2>(1.0, 2.0);\nx[at.x] = first(&a[1]);', pointer),
    z: kernel('x[at.x] = 1.0;'),
    'lib/twice': twice,
  });
  expect(outcomes(found.get('crash'))).toEqual({ tint: 'ok', naga: 'failed' });
  expect(found.get('crash')!.messages[0]).toContain('shaders/crash.wgsl: error (naga): deno: ended without a result');
  expect(outcomes(found.get('a'))).toEqual({ tint: 'ok', naga: 'ok' });
  expect(outcomes(found.get('z'))).toEqual({ tint: 'ok', naga: 'ok' });
});

test('a snippet that does not exist is refused by name', async () => {
  await expect(check({ lonely: kernel('') })).rejects.toThrow(/lonely\.wgsl: names the snippet lib\/twice/);
});
