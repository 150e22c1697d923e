// The four axes that a linear index stands for. D1..D3 are the lengths of the inner three.
fn unfold_axes(i: u32, D1: u32, D2: u32, D3: u32) -> vec4u {
  let inner = i / D3;
  let middle = inner / D2;
  return vec4u(middle / D1, middle % D1, inner % D2, i % D3);
}

fn strided(at: vec4u, stride: vec4u) -> u32 {
  let part = at * stride;
  return part.x + part.y + part.z + part.w;
}
