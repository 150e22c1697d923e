// ReLU: max(x, 0), with slope 0 at 0. The comparisons let NaN through, which max() may drop.
fn relu(x: vec4f) -> vec4f {
  return select(x, vec4f(), x < vec4f());
}

fn relu_slope(x: vec4f) -> vec4f {
  return select(select(x, vec4f(1.0), x > vec4f()), vec4f(), x <= vec4f());
}
