// Layer norm over the last axis, with the biased variance and eps inside the root. Ba et al. 2016 (arXiv:1607.06450).
import { type References, rowsOf, startFrom } from './reference.ts';

export const layernorm: References = {
  /** y = (x - mean) * rstd * weight + bias */
  layernorm: ({ x, weight, bias }, { inputs, attrs: { eps } }) => {
    const { rows, width } = rowsOf(inputs.x!);
    const y = new Float64Array(x!.length);
    const mean = new Float64Array(rows);
    const rstd = new Float64Array(rows);
    for (let r = 0; r < rows; r++) {
      let sum = 0;
      for (let c = 0; c < width; c++) sum += x![r * width + c]!;
      const mu = sum / width;
      let squares = 0;
      for (let c = 0; c < width; c++) squares += (x![r * width + c]! - mu) ** 2;
      mean[r] = mu;
      rstd[r] = 1 / Math.sqrt(squares / width + eps);
      for (let c = 0; c < width; c++) {
        y[r * width + c] = (x![r * width + c]! - mu) * rstd[r]! * weight![c]! + (bias ? bias[c]! : 0);
      }
    }
    return { y, mean, rstd };
  },

  /** With xhat = (x - mean) * rstd and g = dy * weight: dx = rstd * (g - mean(g) - xhat * mean(g * xhat)) */
  layernorm_backward: ({ x, weight, mean, rstd, dy, add }, { inputs }) => {
    const { rows, width } = rowsOf(inputs.x!);
    const dx = startFrom(add, x!.length);
    for (let r = 0; r < rows; r++) {
      let meanG = 0;
      let meanGx = 0;
      for (let c = 0; c < width; c++) {
        const at = r * width + c;
        const xhat = (x![at]! - mean![r]!) * rstd![r]!;
        meanG += (dy![at]! * weight![c]!) / width;
        meanGx += (dy![at]! * weight![c]! * xhat) / width;
      }
      for (let c = 0; c < width; c++) {
        const at = r * width + c;
        const xhat = (x![at]! - mean![r]!) * rstd![r]!;
        dx[at]! += rstd![r]! * (dy![at]! * weight![c]! - meanG - xhat * meanGx);
      }
    }
    return { dx };
  },

  /** dweight = sum over rows of dy * xhat, dbias = sum over rows of dy */
  layernorm_backward_params: ({ x, mean, rstd, dy }, { inputs }) => {
    const { rows, width } = rowsOf(inputs.x!);
    const dweight = new Float64Array(width);
    const dbias = new Float64Array(width);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < width; c++) {
        const at = r * width + c;
        dweight[c]! += dy![at]! * (x![at]! - mean![r]!) * rstd![r]!;
        dbias[c]! += dy![at]!;
      }
    }
    return { dweight, dbias };
  },
};
