// What Llama's layers have of their own: RMS norm (Zhang and Sennrich 2019, arXiv:1910.07467), rotary positions (Su et al. 2021,
// arXiv:2104.09864, with the halves of a head as pairs) and SwiGLU (Shazeer 2020, arXiv:2002.05202).
import type { RopeAttrs } from '../../ops/rope.ts';
import { fill, type References, rowsOf, startFrom } from './reference.ts';

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

export const llama: References = {
  /** y = weight * x * rstd, rstd = 1 / sqrt(mean(x^2) + eps) */
  rmsnorm: ({ x, weight }, { inputs, attrs: { eps, weightOffset } }) => {
    const { rows, width } = rowsOf(inputs.x!);
    const rstd = fill(rows, (r) => {
      let squares = 0;
      for (let c = 0; c < width; c++) squares += x![r * width + c]! ** 2;
      return 1 / Math.sqrt(squares / width + eps);
    });
    return {
      y: fill(x!.length, (i) => (weightOffset + weight![i % width]!) * x![i]! * rstd[Math.floor(i / width)]!),
      rstd,
    };
  },

  /** With xhat = x * rstd and g = dy * (weightOffset + weight): dx = rstd * (g - xhat * mean(g * xhat)) */
  rmsnorm_backward: ({ x, weight, rstd, dy, add }, { inputs, attrs: { weightOffset } }) => {
    const { rows, width } = rowsOf(inputs.x!);
    const dx = startFrom(add, x!.length);
    const w = weight!.map((each) => weightOffset + each);
    for (let r = 0; r < rows; r++) {
      let mean = 0;
      for (let c = 0; c < width; c++) {
        const at = r * width + c;
        mean += (dy![at]! * w[c]! * x![at]! * rstd![r]!) / width;
      }
      for (let c = 0; c < width; c++) {
        const at = r * width + c;
        dx[at]! += rstd![r]! * (dy![at]! * w[c]! - x![at]! * rstd![r]! * mean);
      }
    }
    return { dx };
  },

  /** dweight = sum over rows of dy * xhat */
  rmsnorm_backward_weight: ({ x, rstd, dy }, { inputs }) => {
    const { width } = rowsOf(inputs.x!);
    const dweight = new Float64Array(width);
    for (let i = 0; i < x!.length; i++) dweight[i % width]! += dy![i]! * x![i]! * rstd![Math.floor(i / width)]!;
    return { dweight };
  },

  /** Each pair (x[d], x[d + D/2]) of a head as a complex number, times cos + i sin of its token (direction 1) or its conjugate. */
  rope: ({ x, cosines, sines }, { inputs, attrs }) => {
    const { heads, layout, direction } = attrs as RopeAttrs;
    const { shape } = inputs.x!;
    const T = shape[layout === 'bhtd' ? 2 : 1]!;
    const D = inputs.x!.size / (shape[0]! * T * heads);
    const width = inputs.cosines!.shape.at(-1)!;
    const own = inputs.cosines!.shape.length === 3 ? T * width : 0;
    const y = new Float64Array(x!.length);
    for (let row = 0; row < x!.length / D; row++) {
      const b = Math.floor(row / (T * heads));
      const t = Math.floor(row / (layout === 'bhtd' ? 1 : heads)) % T;
      for (let d = 0; d < D / 2; d++) {
        const [first, second] = [row * D + d, row * D + d + D / 2];
        const at = b * own + t * width + d;
        const [c, s] = [cosines![at]!, direction * sines![at]!];
        y[first] = x![first]! * c - x![second]! * s;
        y[second] = x![second]! * c + x![first]! * s;
      }
    }
    return { y };
  },

  /** y = silu(gate) * up */
  swiglu: ({ gate, up }) => ({ y: fill(gate!.length, (i) => gate![i]! * sigmoid(gate![i]!) * up![i]!) }),

  /** dgate = dy * up * sigmoid(gate) * (1 + gate * (1 - sigmoid(gate))), dup = dy * silu(gate) */
  swiglu_backward: ({ gate, up, dy }) => {
    const slope = (z: number) => sigmoid(z) * (1 + z * (1 - sigmoid(z)));
    return {
      dgate: fill(gate!.length, (i) => dy![i]! * up![i]! * slope(gate![i]!)),
      dup: fill(gate!.length, (i) => dy![i]! * gate![i]! * sigmoid(gate![i]!)),
    };
  },
};
