// The table of kernel forms is an input of a run: obeyed, or refused with a sentence.
import { expect, test } from 'vitest';
import { graphOf } from '../src/autograd/trace_batch.ts';
import { InputError } from '../src/errors.ts';
import { matmul } from '../src/ops/matmul.ts';
import { type Capabilities, leastCapabilities } from '../src/ops/op.ts';
import { checkTable } from '../src/schedule/order.ts';
import { makePlan } from '../src/schedule/plan.ts';
import { Tensor } from '../src/tensor/tensor.ts';

const lanes = (n: number): Capabilities => ({
  ...leastCapabilities,
  features: new Set(['subgroups']),
  subgroupMinSize: n,
  subgroupMaxSize: n,
});

test('a table of forms that run here is taken', () => {
  expect(() => checkTable({ matmul: 'subgroup8', sum: 'one_stage' }, lanes(8))).not.toThrow();
  expect(() => checkTable({ matmul: 'portable' }, leastCapabilities)).not.toThrow();
  expect(() => checkTable({ matmul: 'vector,subgroup8,portable' }, lanes(8))).not.toThrow();
});

test('an op that does not exist is named', () => {
  expect(() => checkTable({ matmull: 'tile' }, leastCapabilities)).toThrow(
    /found the op "matmull", expected one of .*matmul/,
  );
});

test('a form that does not exist is named with those that do', () => {
  expect(() => checkTable({ matmul: 'fast' }, leastCapabilities)).toThrow(
    /the form "fast" of matmul, expected portable or one of .*tile/,
  );
  for (const [entry, form] of [
    ['vector,fast', 'fast'],
    ['vector,,tile', ''],
  ] as const)
    expect(() => checkTable({ matmul: entry }, leastCapabilities)).toThrow(`the form "${form}" of matmul`);
});

test('a form that does not run on this adapter is refused, not replaced', () => {
  expect(() => checkTable({ matmul: 'subgroup8' }, lanes(4))).toThrow(InputError);
  expect(() => checkTable({ matmul: 'subgroup8' }, lanes(4))).toThrow(
    /does not run on this adapter. Use .* or subgroup4 or tile/,
  );
  expect(() => checkTable({ matmul: 'vector,subgroup8' }, lanes(4))).toThrow(
    /the form subgroup8 of matmul does not run/,
  );
});

/** The form of a product of (M,K) and (K,N), b stored (N,K) if it says so. */
function formOf([M, N, K]: readonly [number, number, number], here: Capabilities, wanted?: string, transposeB = false) {
  const input = (name: string, shape: number[]) => new Tensor({ kind: 'state', name, shape });
  const b = transposeB ? [N, K] : [K, N];
  const graph = graphOf(() => ({ y: matmul(input('a', [M, K]), input('b', b), { transposeB }) }), {});
  return makePlan(graph, here, wanted === undefined ? {} : { matmul: wanted }).dispatches.at(-1)!.form;
}

test('a GPU and a software adapter get the forms that were made for them, and others where a table asks for them', () => {
  const gpu = { ...lanes(32), software: false };
  const large = [768, 768, 768] as const;
  expect(formOf(large, lanes(8))).toBe('subgroup8_32');
  expect(formOf(large, lanes(4))).toBe('subgroup4');
  expect(formOf(large, leastCapabilities)).toBe('tile');
  expect(formOf(large, gpu)).toBe('shared');
  expect(formOf([128, 128, 768], gpu)).toBe('shared_split');
  expect(formOf(large, { ...lanes(8), software: false })).toBe('shared');
  expect(formOf(large, lanes(8), 'register')).toBe('register');
  expect(formOf(large, gpu, 'tile')).toBe('tile');
});

test('few rows take a form of their own on every adapter; tiles are as high as the rows are many', () => {
  for (const here of [lanes(8), lanes(4), leastCapabilities, { ...lanes(32), software: false }]) {
    const name = here.software ? 'vector_long' : 'vector';
    expect(formOf([1, 512, 128], here)).toBe(here.subgroupMinSize === 8 ? 'vector_subgroup8' : name);
    expect(formOf([4, 512, 128], here, undefined, true)).toBe(name);
    expect(formOf([5, 512, 128], here, undefined, true)).not.toBe(name);
  }
  expect(formOf([48, 512, 128], lanes(8))).toBe('subgroup8');
  expect(formOf([49, 512, 128], lanes(8))).toBe('subgroup8_32');
});
