// SiLU (swish): x sigmoid(x). Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2; Ramachandran et al. 2017 (arXiv:1710.05941).
// lib: sigmoid

// Below -87 the value is 0 in f32. The comparison lets NaN through.
fn silu_bounded(x: vec4f) -> vec4f {
  return select(x, vec4f(-87.0), x < vec4f(-87.0));
}

fn silu(x: vec4f) -> vec4f {
  let z = silu_bounded(x);
  return z * sigmoid(z);
}

fn silu_slope(x: vec4f) -> vec4f {
  let z = select(silu_bounded(x), vec4f(87.0), x > vec4f(87.0));
  let e = decay(z);
  let s = 1.0 / (1.0 + e);
  return s * (1.0 + z * (e * s));
}
