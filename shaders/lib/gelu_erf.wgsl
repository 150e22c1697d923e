// GELU with the normal distribution function: x P(x), P(x) = 0.5 (1 + erf(x / sqrt(2))).
// WGSL has no erf. For z = |x| / sqrt(2): erfc(z) = (a1 t + .. + a5 t^5) exp(-z^2), t = 1 / (1 + p z), to 1.5e-7.
// Sources: Hendrycks and Gimpel 2016 (arXiv:1606.08415); Abramowitz and Stegun 1964, formula 7.1.26.

// Beyond 13 both tails are 0 in f32. The comparisons let NaN through.
fn gelu_erf_bounded(x: vec4f) -> vec4f {
  return select(x, vec4f(-13.0), x < vec4f(-13.0));
}

// exp(-x^2 / 2)
fn bell(x: vec4f) -> vec4f {
  let z = min(abs(x), vec4f(13.0));
  return exp(-0.5 * z * z);
}

// P(x), given bell(x)
fn normal_cdf(x: vec4f, bell_x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * 0.7071067811865476 * abs(x));
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * series * bell_x;
  return select(tail, 1.0 - tail, x >= vec4f());
}

fn gelu_erf(x: vec4f) -> vec4f {
  let z = gelu_erf_bounded(x);
  return z * normal_cdf(z, bell(z));
}

fn gelu_erf_slope(x: vec4f) -> vec4f {
  let z = select(gelu_erf_bounded(x), vec4f(13.0), x > vec4f(13.0));
  let bell_z = bell(z);
  return normal_cdf(z, bell_z) + 0.3989422804014327 * z * bell_z;
}
