// Matrix products in every stored layout, batched, with what a layer does beside them in the same kernel: bias, residual, adding
// onto what has been accumulated so far, and the gradient of the bias beside that of the weight.
import type { DType, Tensor } from '../tensor/tensor.ts';
import { cast } from './cast.ts';
import { gradientForms, matmulForms } from './matmul_forms.ts';
import { dimensions, expectAlike, type MatmulAttrs } from './matmul_shape.ts';
import { currentTape, defineOp, expectReal, type Values } from './op.ts';
import { reshape } from './reshape.ts';

function resultOf(inputs: Values, attrs: MatmulAttrs, dtype: DType) {
  expectReal('matmul', 'a', inputs.a!);
  expectAlike(inputs, dtype);
  return { shape: dimensions(inputs, attrs).shape, dtype };
}

/**
 * y = a b (+ add) and sums = the sums of b's columns (+ addSums), for one product without batch. With the input of a linear layer
 * as a, transposed, and the gradient of its output as b, these are the gradients of its weight and of its bias.
 */
export const matmulBackwardWeightsOp = defineOp<MatmulAttrs>({
  name: 'matmul_backward_weights',
  outputs: (inputs, attrs) => {
    const y = resultOf(inputs, attrs, 'f32');
    return { y, sums: { shape: [y.shape[1]!] } };
  },
  inPlace: { y: 'add', sums: 'addSums' },
  forms: gradientForms,
  backward: 'not differentiable',
});

export const matmulOp = defineOp<MatmulAttrs>({
  name: 'matmul',
  outputs: (inputs, attrs) => ({ y: resultOf(inputs, attrs, attrs.dtype ?? inputs.a!.dtype) }),
  inPlace: { y: 'add' },
  forms: matmulForms,
  backward: ({ inputs: { a, b }, attrs: { transposeA, transposeB }, grads, needs, accumulated }) => {
    const dy = cast(grads.y!, a!.dtype);
    const shared = b!.shape.length === 2 && a!.shape.length > 2;
    const flat = (t: Tensor) => (shared ? reshape(t, [t.size / t.shape.at(-1)!, t.shape.at(-1)!]) : t);
    // Only then is dy the right factor of one product, whose columns are summed beside it.
    const exact = (accumulated('b')?.dtype ?? 'f32') === 'f32';
    const together = needs('b') && needs('bias') && !transposeB && b!.shape.length === 2 && exact;
    let made: Record<string, Tensor> | null = null;
    const makeBoth = () => {
      const onto = { add: accumulated('b') ?? undefined, addSums: accumulated('bias') ?? undefined };
      const attrs = { transposeA: !transposeA, transposeB: false };
      return currentTape().push(matmulBackwardWeightsOp, { a: flat(a!), b: flat(dy), ...onto }, attrs);
    };
    // A b of two axes is a weight, or one as it is stored for the product: its gradient is made in f32.
    const typeOfB = (add: Tensor | null) => add?.dtype ?? (b!.shape.length === 2 ? 'f32' : b!.dtype);
    return {
      a: (add) => {
        const onto = { add, dtype: add?.dtype ?? a!.dtype };
        return transposeA
          ? matmul(b!, dy, { transposeA: transposeB, transposeB: true, ...onto })
          : matmul(dy, b!, { transposeB: !transposeB, ...onto });
      },
      b: (add) => {
        if (together) return (made = makeBoth()).y!;
        const onto = { add, dtype: typeOfB(add) };
        return transposeB
          ? matmul(flat(dy), flat(a!), { transposeA: true, transposeB: transposeA, ...onto })
          : matmul(flat(a!), flat(dy), { transposeA: !transposeA, ...onto });
      },
      bias: together ? (_) => (made ?? makeBoth()).sums! : dy,
      residual: dy,
      add: grads.y!,
    };
  },
});

export interface MatmulOptions extends Partial<MatmulAttrs> {
  /** (N), added to every row. */
  bias?: Tensor | undefined;
  /** The shape of the result, added to it: what goes around the layer. */
  residual?: Tensor | undefined;
  /** The shape of the result: the product is added onto it, in its place where nobody reads it later. */
  add?: Tensor | null;
}

/**
 * y = a b (+ bias) (+ residual) (+ add).     a (...,M,K)  b (...,K,N) or (K,N) for the whole batch  ->  y (...,M,N)
 * da = dy b^T, db = a^T dy, dbias = sum of dy over rows, dresidual = dadd = dy.
 * a, b and residual are stored alike, f32 or f16; bias is f32, sums run in f32. The gradient of a shared b is f32.
 * @throws InputError if the sizes or the types do not fit
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, dtype, bias, residual, add } = options;
  const inputs = { a, b, bias, residual, add: add ?? undefined };
  return currentTape().push(matmulOp, inputs, { transposeA, transposeB, dtype }).y!;
}
