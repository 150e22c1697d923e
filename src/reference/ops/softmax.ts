// Softmax over the last axis.
import { type References, rowsOf } from './reference.ts';

export const softmax: References = {
  /** y = exp(x - max) / sum of exp(x - max) */
  softmax: ({ x }, { inputs }) => {
    const { rows, width } = rowsOf(inputs.x!);
    const y = new Float64Array(x!.length);
    for (let r = 0; r < rows; r++) {
      const row = (x as Float64Array).subarray(r * width, (r + 1) * width);
      const largest = row.reduce((a, b) => Math.max(a, b), -Infinity);
      let sum = 0;
      for (let c = 0; c < width; c++) sum += y[r * width + c] = Math.exp(row[c]! - largest);
      for (let c = 0; c < width; c++) y[r * width + c]! /= sum;
    }
    return { y };
  },

  /** dx = y * (dy - sum of y * dy) */
  softmax_backward: ({ y, dy }, { inputs }) => {
    const { rows, width } = rowsOf(inputs.y!);
    const dx = new Float64Array(y!.length);
    for (let r = 0; r < rows; r++) {
      let dot = 0;
      for (let c = 0; c < width; c++) dot += y![r * width + c]! * dy![r * width + c]!;
      for (let c = 0; c < width; c++) dx[r * width + c] = y![r * width + c]! * (dy![r * width + c]! - dot);
    }
    return { dx };
  },
};
