// Gradients that a kernel adds onto what there is, where that may be kept in another type than the kernel stores.
import type { DType, Tensor } from '../tensor/tensor.ts';
import { add } from './add.ts';
import { cast } from './cast.ts';

/**
 * before + the gradient, which has the type `dtype`: in one kernel where `before` has that type too, else added in before's: a value
 * that was cast from f32 keeps its gradient there.
 * @param make the gradient alone, or with `before` in it
 */
export function onto(before: Tensor | null, dtype: DType, make: (before?: Tensor) => Tensor): Tensor {
  if (!before) return make();
  return before.dtype === dtype ? make(before) : add(before, cast(make(), before.dtype));
}
