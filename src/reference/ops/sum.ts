// y[o,i] = sum over r of x[o,r,i].
import type { References } from './reference.ts';

export const sum: References = {
  sum: ({ x }, { attrs: { outer, R, inner } }) => {
    const y = new Float64Array(outer * inner);
    for (let o = 0; o < outer; o++) {
      for (let r = 0; r < R; r++) {
        for (let i = 0; i < inner; i++) y[o * inner + i]! += x![(o * R + r) * inner + i]!;
      }
    }
    return { y };
  },
};
