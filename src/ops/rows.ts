// A tensor read as a matrix over its last axis: what layer norm, softmax and cross-entropy work on.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Capabilities, Form, Site } from './op.ts';

/** Rows and columns of `x`. @throws InputError if x has no axis */
export function rowsOf(op: string, x: Tensor): { R: number; C: number } {
  const C = x.shape.at(-1);
  if (C === undefined) throw new InputError(`${op}: ${x} has shape (), expected one axis or more.`);
  return { R: x.size / C, C };
}

/** For `prefers`: a form that reads in step and meets at barriers. */
export const onGPU = ({ software }: Capabilities) => !software;

/** Invocations of a workgroup, in the kernels of that form. */
const WORKGROUP = 64;

/**
 * A form for GPUs: the invocations of a workgroup read neighbouring elements of a row and meet in its memory; short rows share a
 * workgroup. `sizesOf` gives the fields of the kernel's Sizes, rows and columns among them.
 */
export function workgroupForm<A>(
  kernel: string,
  sizesOf: (site: Site<A>) => { R: number; C: number } & Readonly<Record<string, number>>,
): Form<A> {
  return {
    name: 'workgroup_a_row',
    prefers: onGPU,
    dispatches: (site) => {
      const sizes = sizesOf(site);
      const LANES = Math.min(WORKGROUP, powerOfTwo(sizes.C));
      return [{ kernel, sizes, threads: [sizes.R * LANES], constants: { LANES } }];
    },
  };
}

/** The least that is not below n. */
const powerOfTwo = (n: number) => 2 ** (32 - Math.clz32(n - 1));
