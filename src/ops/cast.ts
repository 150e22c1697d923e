// The same numbers in another storage type.
import { InputError } from '../errors.ts';
import { type DType, isReal, type Tensor } from '../tensor/tensor.ts';
import { currentTape, defineOp } from './op.ts';

export const castOp = defineOp<{ dtype: DType }>({
  name: 'cast',
  outputs: ({ x }, { dtype }) => {
    if (!isReal(x!.dtype) || !isReal(dtype))
      throw new InputError(`cast: x holds ${x!.dtype}, to become ${dtype}; expected f32 or f16 for both.`);
    return { y: { shape: x!.shape, dtype } };
  },
  forms: [
    {
      name: 'plain',
      dispatches: ({ inputs: { x } }) => [{ kernel: 'cast', sizes: { N: x!.size }, threads: [x!.size] }],
    },
  ],
  // A gradient of a weight is made in f32 by the product that reads the weight as f16: nothing is left to do here.
  backward: 'identity',
});

/**
 * x as f32 or f16; x itself, if it is that already. Rounded to the nearest, ties to even; beyond 65,520 f16 holds infinity.
 * @throws InputError if x or the type is of whole numbers
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : currentTape().push(castOp, { x }, { dtype }).y!;
}
