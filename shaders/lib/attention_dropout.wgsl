// Dropout on the probabilities of a tile of attention: element ((b*H + h)*Tq + i)*Tk + j of the mask, as u32.
// lib: random

// What the probabilities of keys j..j+3 are multiplied with. row = (b*H + h)*Tq + i of each query.
fn keep_tile(key: vec2u, row: vec4u, Tk: u32, j: u32, threshold: u32, keep_scale: f32) -> mat4x4f {
  let first = row * Tk + j;
  return mat4x4f(
    keep_factors(key, first, threshold, keep_scale),
    keep_factors(key, first + 1u, threshold, keep_scale),
    keep_factors(key, first + 2u, threshold, keep_scale),
    keep_factors(key, first + 3u, threshold, keep_scale),
  );
}

// The backward kernels have no binding left for randomStep: attention_delta passes it on in two halves, which f32 holds exactly.
fn halves_of(step_number: u32) -> vec2f {
  return vec2f(f32(step_number & 0xffffu), f32(step_number >> 16u));
}

fn whole_of(halves: vec2f) -> u32 {
  return u32(halves.x) | (u32(halves.y) << 16u);
}
