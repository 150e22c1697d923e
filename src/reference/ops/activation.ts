// Activations and their derivatives: GELU in its two forms (Hendrycks and Gimpel 2016, arXiv:1606.08415), SiLU, ReLU.
import { erf } from './erf.ts';
import { fill, type Reference, type References } from './reference.ts';

const ROOT_2_OVER_PI = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

interface Activation {
  value(x: number): number;
  slope(x: number): number;
}

const geluTanh: Activation = {
  value: (x) => 0.5 * x * (1 + Math.tanh(ROOT_2_OVER_PI * (x + CUBIC * x ** 3))),
  slope: (x) => {
    const t = Math.tanh(ROOT_2_OVER_PI * (x + CUBIC * x ** 3));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT_2_OVER_PI * (1 + 3 * CUBIC * x * x);
  },
};

const geluErf: Activation = {
  value: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  slope: (x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI),
};

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const silu: Activation = {
  value: (x) => x * sigmoid(x),
  slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
};

/** Its slope at 0 is 0. A comparison with NaN is false, so NaN is passed on by hand. */
const relu: Activation = {
  value: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  slope: (x) => (Number.isNaN(x) ? x : x > 0 ? 1 : 0),
};

const forward = ({ value }: Activation): Reference => {
  return ({ x }) => ({ y: fill(x!.length, (i) => value(x![i]!)) });
};
const backward = ({ slope }: Activation): Reference => {
  return ({ x, dy }) => ({ dx: fill(x!.length, (i) => dy![i]! * slope(x![i]!)) });
};

export const activation: References = {
  gelu_tanh: forward(geluTanh),
  gelu_tanh_backward: backward(geluTanh),
  gelu_erf: forward(geluErf),
  gelu_erf_backward: backward(geluErf),
  silu: forward(silu),
  silu_backward: backward(silu),
  relu: forward(relu),
  relu_backward: backward(relu),
};
