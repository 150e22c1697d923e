// Rotary positions: the pairs of a head are turned by an angle that grows with the token's position.
import { InputError } from '../errors.ts';
import { show } from '../tensor/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { AttentionLayout } from './attention_shape.ts';
import { currentTape, defineOp, expectReal, expectType, type Op, type Site } from './op.ts';

export interface RopeAttrs {
  /** Heads of x, side by side. */
  heads: number;
  layout: AttentionLayout;
  /** 1, or -1 to turn back. */
  direction: 1 | -1;
}

export interface RopeOptions {
  /** Needed where the shape of x does not say it: (B,T,H*D). */
  heads?: number;
  /** 'bhtd' for four axes, 'bthd' for three, when absent. */
  layout?: AttentionLayout;
}

/** Cosines and sines of the angles: (T,D/2), a text's own (B,T,D/2), or as wide as a head, of which the first half counts. */
export interface RopeTable {
  cosines: Tensor;
  sines: Tensor;
}

/** @throws InputError if x and the tables do not fit together */
function ropeShape({ x, cosines, sines }: Site<RopeAttrs>['inputs'], { heads: H, layout }: RopeAttrs) {
  const { shape } = x!;
  const four = shape.length === 4;
  const [B, second, third, last] = shape as [number, number, number, number];
  const [T, own, D] = !four
    ? [second, H, third / H]
    : layout === 'bhtd'
      ? [third, second, last]
      : [second, third, last];
  const half = D / 2;
  if (!(shape.length === 3 || four) || own !== H || !Number.isInteger(half) || (!four && layout === 'bhtd'))
    throw new InputError(
      `rope: found x ${show(shape)}, expected (B,T,${H}*D)${layout === 'bhtd' ? ` or (B,${H},T,D)` : ` or (B,T,${H},D)`} with an even head size D.`,
    );
  for (const [name, table] of Object.entries({ cosines: cosines!, sines: sines! })) {
    expectType('rope', name, table, 'f32');
    const [rows, width] = table.shape.slice(-2) as [number, number];
    const lead = table.shape.slice(0, -2);
    const fits =
      rows === T && (width === half || width === D) && (lead.length === 0 || (lead.length === 1 && lead[0] === B));
    if (!fits || width !== cosines!.shape.at(-1) || table.shape.length !== cosines!.shape.length)
      throw new InputError(
        `rope: found ${name} ${show(table.shape)}, expected (${T},${half}), or (${B},${T},${half}) for angles of each text's own.`,
      );
  }
  return { B, T, H, D, half };
}

function dispatchOf({ inputs, attrs }: Site<RopeAttrs>, unit: 1 | 4) {
  const { B, T, H, half } = ropeShape(inputs, attrs);
  const { layout, direction } = attrs;
  const width = inputs.cosines!.shape.at(-1)! / unit;
  const N = (B * T * H * half) / unit;
  const token_step = layout === 'bhtd' ? 1 : H;
  const table = { table_row: width, table_batch: inputs.cosines!.shape.length === 3 ? T * width : 0 };
  const sizes = { N, half: half / unit, T, token_step, batch_step: T * H, ...table, direction };
  return [{ kernel: unit === 4 ? 'rope_vec4' : 'rope', sizes, threads: [N] as const }];
}

export const ropeOp: Op<RopeAttrs> = defineOp<RopeAttrs>({
  name: 'rope',
  outputs: (inputs, attrs) => {
    expectReal('rope', 'x', inputs.x!);
    ropeShape(inputs, attrs);
    return { y: { shape: inputs.x!.shape, dtype: inputs.x!.dtype } };
  },
  forms: [
    {
      name: 'vec4',
      when: ({ inputs, attrs }) => ropeShape(inputs, attrs).half % 4 === 0,
      dispatches: (site) => dispatchOf(site, 4),
    },
    { name: 'pair', dispatches: (site) => dispatchOf(site, 1) },
  ],
  backward: ({ inputs: { cosines, sines }, attrs, grads: { y: dy } }) => ({
    x: () =>
      currentTape().push(ropeOp, { x: dy, cosines, sines }, { ...attrs, direction: attrs.direction === 1 ? -1 : 1 }).y!,
  }),
});

/**
 * With x1 and x2 the halves of a head, c and s the cosine and sine of its token: y1 = x1 c - x2 s, y2 = x2 c + x1 s.
 * x (B,T,H*D) or (B,T,H,D), 'bhtd': (B,H,T,D), f32 or f16  ->  y as x; tables are f32. The gradient is turned back by the same angle; tables have none.
 * Source: Su et al. 2021 (arXiv:2104.09864), eq. 34, paired as rotate_half of transformers does.
 * @throws InputError if the shapes do not fit, or a head's size is odd
 */
export function rope(x: Tensor, { cosines, sines }: RopeTable, options: RopeOptions = {}): Tensor {
  const layout = options.layout ?? (x.shape.length === 4 ? 'bhtd' : 'bthd');
  const heads = options.heads ?? (x.shape.length === 4 ? x.shape[layout === 'bhtd' ? 1 : 2]! : Number.NaN);
  if (Number.isNaN(heads))
    throw new InputError(`rope: x ${show(x.shape)} does not say how many heads it has. Pass heads.`);
  return currentTape().push(ropeOp, { x, cosines, sines }, { heads, layout, direction: 1 }).y!;
}
