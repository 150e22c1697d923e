// What fits together in a product of matrices: sizes and types, and how it is stored.
import { InputError } from '../errors.ts';
import { show, sizeOf } from '../tensor/shape.ts';
import type { DType, Tensor } from '../tensor/tensor.ts';
import { expectShape, type Values } from './op.ts';

export interface MatmulAttrs {
  /** a is stored (K,M) instead of (M,K). */
  transposeA: boolean;
  /** b is stored (N,K) instead of (K,N): PyTorch's Linear. Not transposed is GPT-2's Conv1D. */
  transposeB: boolean;
  /** Of the result. Default: a's. */
  dtype?: DType | undefined;
}

/** M, N, K and the leading axes. A b of two axes is shared by all of the batch, which then simply is more rows. */
export function dimensions({ a, b, bias, residual, add, addSums }: Values, { transposeA, transposeB }: MatmulAttrs) {
  const [x, w] = [a!.shape, b!.shape];
  if (x.length < 2 || w.length < 2)
    throw new InputError(`matmul: a ${show(x)} and b ${show(w)} need two axes or more.`);
  const shared = w.length === 2 && x.length > 2;
  if (shared && transposeA)
    throw new InputError(`matmul: a ${show(x)} is transposed and b ${show(w)} has no batch. Reshape a to two axes.`);
  const lead = x.slice(0, -2);
  if (!shared && (w.length !== x.length || lead.some((d, i) => d !== w[i])))
    throw new InputError(`matmul: the leading axes of a ${show(x)} and b ${show(w)} differ.`);
  const [rows, K] = transposeA ? [x.at(-1)!, x.at(-2)!] : [x.at(-2)!, x.at(-1)!];
  const [inner, N] = transposeB ? [w.at(-1)!, w.at(-2)!] : [w.at(-2)!, w.at(-1)!];
  if (inner !== K) {
    const other = transposeB ? w.at(-2)! : w.at(-1)!;
    const hint =
      other === K
        ? ` b is stored ${transposeB ? '(in,out): leave out transposeB' : '(out,in): did you mean transposeB'}?`
        : '';
    throw new InputError(`matmul: inner sizes differ: a ${show(x)} gives ${K}, b ${show(w)} gives ${inner}.${hint}`);
  }
  const shape = [...lead, rows, N];
  for (const [name, tensor] of Object.entries({ bias, addSums })) if (tensor) expectShape('matmul', name, tensor, [N]);
  for (const [name, tensor] of Object.entries({ residual, add }))
    if (tensor) expectShape('matmul', name, tensor, shape);
  return { shape, batch: shared ? 1 : sizeOf(lead), M: shared ? sizeOf(lead) * rows : rows, N, K };
}

/** Types: a, b and the residual are stored alike, what is added has the result's type. */
export function expectAlike({ a, b, residual, bias, add, addSums }: Values, result: DType): void {
  const wanted: readonly [string, Tensor | undefined, DType][] = [
    ['b', b, a!.dtype],
    ['residual', residual, a!.dtype],
    ['add', add, result],
    ['bias', bias, 'f32'],
    ['addSums', addSums, 'f32'],
  ];
  for (const [name, tensor, dtype] of wanted)
    if (tensor && tensor.dtype !== dtype)
      throw new InputError(`matmul: ${name} holds ${tensor.dtype}, expected ${dtype}.`);
}
