// exp(-z), clamped so that it never overflows: e^87 is just inside f32.
fn decay(z: vec4f) -> vec4f {
  return exp(clamp(-z, vec4f(-87.0), vec4f(87.0)));
}

// 1 / (1 + exp(-z)). Its complement 1 - sigmoid(z) keeps its digits as decay(z) * sigmoid(z).
fn sigmoid(z: vec4f) -> vec4f {
  return 1.0 / (1.0 + decay(z));
}
