// softmax: y = exp(x - max) / sum of exp(x - max) over the last axis.
// x (R,C)  ->  y (R,C)
// grid: one invocation a row, folded. Subtracting the row's maximum keeps every exponent at or below 0.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var largest = f32(x[start]);
  for (var c = 1u; c < sizes.C; c++) {
    largest = max(largest, f32(x[start + c]));
  }
  var total = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let e = exp(f32(x[start + c]) - largest);
    y[start + c] = Storage(e);
    total += e;
  }
  let scale = 1.0 / total;
  for (var c = 0u; c < sizes.C; c++) {
    y[start + c] = Storage(f32(y[start + c]) * scale);
  }
}
