// The table of kernel forms is an input of a run: obeyed, or refused with a sentence.
import { expect, test } from 'vitest';
import { InputError } from '../src/errors.ts';
import type { Capabilities } from '../src/ops/op.ts';
import { checkTable } from '../src/schedule/order.ts';

const plain: Capabilities = { features: new Set(), subgroupMinSize: 0, subgroupMaxSize: 0 };
const lanes = (n: number): Capabilities => ({
  features: new Set(['subgroups']),
  subgroupMinSize: n,
  subgroupMaxSize: n,
});

test('a table of forms that run here is taken', () => {
  expect(() => checkTable({ matmul: 'subgroup8', sum: 'one_stage' }, lanes(8))).not.toThrow();
  expect(() => checkTable({ matmul: 'portable' }, plain)).not.toThrow();
});

test('an op that does not exist is named', () => {
  expect(() => checkTable({ matmull: 'tile' }, plain)).toThrow(/found the op "matmull", expected one of .*matmul/);
});

test('a form that does not exist is named with those that do', () => {
  expect(() => checkTable({ matmul: 'fast' }, plain)).toThrow(
    /the form "fast" of matmul, expected portable or one of .*tile/,
  );
});

test('a form that does not run on this adapter is refused, not replaced', () => {
  expect(() => checkTable({ matmul: 'subgroup8' }, lanes(4))).toThrow(InputError);
  expect(() => checkTable({ matmul: 'subgroup8' }, lanes(4))).toThrow(
    /does not run on this adapter. Use subgroup4 or tile/,
  );
});
