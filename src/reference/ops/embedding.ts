// Rows of a table by id. An id that is used several times collects the gradients of all its uses; one that is no row of the table
// reads as zeros.
import { type References, startFrom } from './reference.ts';

export const embedding: References = {
  /** y[n] = weight[ids[n] - first], onto what is there */
  embedding: ({ weight, ids, add }, { inputs, outputs, attrs: { first } }) => {
    const [V, C] = inputs.weight!.shape as [number, number];
    const y = startFrom(add, outputs.y!.size);
    for (let n = 0; n < ids!.length; n++) {
      const row = ids![n]! - first;
      if (row < 0 || row >= V) continue;
      for (let c = 0; c < C; c++) y[n * C + c]! += weight![row * C + c]!;
    }
    return { y };
  },

  /** dweight[v] = sum of dy[n] over the n with ids[n] - first = v */
  embedding_backward: ({ ids, dy, add }, { outputs, attrs: { first } }) => {
    const [V, C] = outputs.dweight!.shape as [number, number];
    const dweight = startFrom(add, outputs.dweight!.size);
    for (let n = 0; n < ids!.length; n++) {
      const row = ids![n]! - first;
      if (row < 0 || row >= V) continue;
      for (let c = 0; c < C; c++) dweight[row * C + c]! += dy![n * C + c]!;
    }
    return { dweight };
  },
};
