// Rows of a table by id. An id that is used several times collects the gradients of all its uses; one that is no row of the table
// reads as zeros.
import { type References, startFrom } from './reference.ts';

export const embedding: References = {
  /** y[n] = weight[ids[n]] */
  embedding: ({ weight, ids }, { inputs, outputs }) => {
    const [V, C] = inputs.weight!.shape as [number, number];
    const y = new Float64Array(outputs.y!.size);
    for (let n = 0; n < ids!.length; n++) {
      if (ids![n]! < 0 || ids![n]! >= V) continue;
      for (let c = 0; c < C; c++) y[n * C + c] = weight![ids![n]! * C + c]!;
    }
    return { y };
  },

  /** dweight[v] = sum of dy[n] over the n with ids[n] = v */
  embedding_backward: ({ ids, dy, add }, { outputs }) => {
    const [V, C] = outputs.dweight!.shape as [number, number];
    const dweight = startFrom(add, outputs.dweight!.size);
    for (let n = 0; n < ids!.length; n++) {
      if (ids![n]! < 0 || ids![n]! >= V) continue;
      for (let c = 0; c < C; c++) dweight[ids![n]! * C + c]! += dy![n * C + c]!;
    }
    return { dweight };
  },
};
