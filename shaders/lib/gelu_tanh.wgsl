// GELU with tanh, GPT-2's gelu_new: 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3). Since 0.5 (1 + tanh(u)) is
// sigmoid(2u), no tanh is needed, and the far negative tail keeps its digits.
// Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2.
// lib: sigmoid
const GELU_LINEAR = 1.5957691216057308; // 2 sqrt(2/pi)
const GELU_CUBIC = 0.07135481282553744; // GELU_LINEAR * 0.044715

// Below -20 the value is 0 in f32: stopping there keeps x^3 finite. The comparison lets NaN through.
fn gelu_bounded(x: vec4f) -> vec4f {
  return select(x, vec4f(-20.0), x < vec4f(-20.0));
}

fn gelu_tanh(x: vec4f) -> vec4f {
  let z = gelu_bounded(x);
  return z * sigmoid(z * (GELU_LINEAR + GELU_CUBIC * z * z));
}

fn gelu_tanh_slope(x: vec4f) -> vec4f {
  let z = select(gelu_bounded(x), vec4f(20.0), x > vec4f(20.0));
  let e = decay(z * (GELU_LINEAR + GELU_CUBIC * z * z));
  let s = 1.0 / (1.0 + e);
  return s + z * s * (e * s) * (GELU_LINEAR + 3.0 * GELU_CUBIC * z * z);
}
