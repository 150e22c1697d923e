// What generation adds to a model: the cache of keys and values, and the choice of a token.
import { cacheShape } from '../../ops/cache_write.ts';
import type { Numbers } from '../store.ts';
import { fill, type References, rowsOf } from './reference.ts';

export const generation: References = {
  /** The first column of the largest element, -1 where there is a NaN */
  argmax: ({ x }, { inputs }) => {
    const { rows, width } = rowsOf(inputs.x!);
    const y = fill(rows, (r) => {
      const row = Array.from(x!.subarray(r * width, (r + 1) * width));
      if (row.some(Number.isNaN)) return -1;
      return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
    });
    return { y };
  },

  /** keys[b, start[b] + t] = k[b, t], values likewise */
  cache_write: ({ keys, values, start, ...given }, { inputs }) => {
    const { B, T, W, capacity, columns } = cacheShape(inputs);
    const { qkv, k = qkv!, v = qkv! } = given;
    const after = { keys: Float64Array.from(keys!), values: Float64Array.from(values!) };
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        const place = Math.max(start![b]!, 0) + t;
        if (place >= capacity) continue;
        const [from, to] = [(b * T + t) * columns.token, (b * capacity + place) * W];
        for (let c = 0; c < W; c++) {
          after.keys[to + c] = k[from + columns.k + c]!;
          after.values[to + c] = v[from + columns.v + c]!;
        }
      }
    }
    return after;
  },

  /** keys[b, t] = keys[rows[b], t] for begin[b] <= t < end[b], values likewise */
  cache_reorder: ({ keys, values, rows, begin, end }, { inputs }) => {
    const [B, capacity, W] = inputs.keys!.shape as [number, number, number];
    const moved = (x: Numbers) => {
      const y = Float64Array.from(x);
      for (let b = 0; b < B; b++) {
        for (let t = begin![b]!; t < end![b]! && t < capacity; t++) {
          const source = (rows![b]! * capacity + t) * W;
          y.set(x.subarray(source, source + W), (b * capacity + t) * W);
        }
      }
      return y;
    };
    return { keys: moved(keys!), values: moved(values!) };
  },
};
