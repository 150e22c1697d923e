// A tensor read as a matrix over its last axis: what layer norm, softmax and cross-entropy work on.
import { InputError } from '../errors.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Dispatch, type Form, onGPU, type Site, type Values } from './op.ts';

/** Rows and columns of `x`. @throws InputError if x has no axis */
export function rowsOf(op: string, x: Tensor): { R: number; C: number } {
  const C = x.shape.at(-1);
  if (C === undefined) throw new InputError(`${op}: ${x} has shape (), expected one axis or more.`);
  return { R: x.size / C, C };
}

/** Invocations of a workgroup, in the kernels of that form. */
const WORKGROUP = 64;

/** The fields of a kernel's Sizes, rows and columns among them. */
type SizesOf<A> = (site: Site<A>) => { R: number; C: number } & Readonly<Record<string, number>>;

/**
 * A form for GPUs: the invocations of a workgroup read neighbouring elements of a row and meet in its memory; short rows share a
 * workgroup.
 */
export function workgroupForm<A>(kernel: string, sizesOf: SizesOf<A>): Form<A> {
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

/** A form twice: with the sibling kernels that read four columns at once, for rows of whole vectors, and with those for any row. */
function bothWidths<A>(op: string, form: (suffix: '_vec4' | '') => Form<A>): Form<A>[] {
  const vec4 = form('_vec4');
  return [
    {
      ...vec4,
      name: `${vec4.name}_vec4`,
      when: (site) => rowsOf(op, site.inputs.x!).C % 4 === 0 && (vec4.when?.(site) ?? true),
    },
    form(''),
  ];
}

/** Of a kernel for the rows of x: by workgroup, or a row an invocation, with the siblings `_workgroup` and `_vec4`. */
export function rowForms<A>(op: string, kernel: string, sizesOf: SizesOf<A>): Form<A>[] {
  return [
    workgroupForm(`${kernel}_workgroup`, sizesOf),
    ...bothWidths<A>(op, (suffix) => ({
      name: 'row',
      dispatches: (site) => {
        const sizes = sizesOf(site);
        return [{ kernel: kernel + suffix, sizes, threads: [sizes.R] }];
      },
    })),
  ];
}

/** Rows summed by one invocation, at least, where the sums over rows are made in two stages. */
const MIN_CHUNK = 32;

/** About as many parts as rows in a part, so that both stages are short. */
function partsOf(op: string, x: Tensor) {
  const { R, C } = rowsOf(op, x);
  const chunk = Math.max(MIN_CHUNK, Math.ceil(Math.sqrt(R)));
  return { R, C, chunk, parts: Math.ceil(R / chunk) };
}

/**
 * Of a kernel that sums over the rows of x, with the siblings `_workgroup` and `_vec4`: over the rows of a part and then over the
 * parts, or at once where the rows are few. `partial` names the scratch, (parts,C), that stands in for each output (C); `total`
 * adds it up.
 */
export function rowSumForms(
  op: string,
  kernel: string,
  partial: Readonly<Record<string, string>>,
  total: (sizes: { C: number; parts: number }, outputs: Values, scratch: Values) => Dispatch,
): Form<null>[] {
  const twoStages = (file: string, threads: (parts: number, C: number) => Dispatch['threads']): Form<null> => ({
    name: 'two_stages',
    when: ({ inputs: { x } }) => rowsOf(op, x!).R >= 4 * MIN_CHUNK,
    scratch: ({ inputs: { x } }) => {
      const { parts, C } = partsOf(op, x!);
      return Object.fromEntries(Object.values(partial).map((name) => [name, { shape: [parts, C] }]));
    },
    dispatches: ({ inputs: { x }, outputs }, scratch) => {
      const { R, C, parts, chunk } = partsOf(op, x!);
      const bind = Object.fromEntries(Object.entries(partial).map(([output, name]) => [output, scratch[name]!]));
      return [
        { kernel: file, sizes: { R, C, parts, chunk }, threads: threads(parts, C), bind },
        total({ C, parts }, outputs, scratch),
      ];
    },
  });
  return [
    {
      ...twoStages(`${kernel}_workgroup`, (parts, C) => [C, parts]),
      name: 'two_stages_workgroup',
      prefers: onGPU,
    },
    ...bothWidths(op, (suffix) => twoStages(kernel + suffix, (parts, C) => [parts * C])),
    ...bothWidths<null>(op, (suffix) => ({
      name: 'one_stage',
      dispatches: ({ inputs: { x } }) => {
        const { R, C } = rowsOf(op, x!);
        return [{ kernel: kernel + suffix, sizes: { R, C, parts: 1, chunk: R }, threads: [C] }];
      },
    })),
  ];
}
