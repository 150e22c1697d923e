// rmsnorm_vec4: as rmsnorm, four columns a load, for C divisible by 4.
// x (R,C)  weight (C)  ->  y (R,C)  rstd (R)
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, eps: f32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  var squares = vec4f();
  for (var q = 0u; q < quads; q++) {
    let value = vec4f(x[start + q]);
    squares += value * value;
  }
  let r = inverseSqrt(dot(squares, vec4f(1.0 / f32(sizes.C))) + sizes.eps);
  for (var q = 0u; q < quads; q++) {
    y[start + q] = vec4<Storage>(vec4f(x[start + q]) * r * (weight[q] + sizes.weight_offset));
  }
  rstd[row] = r;
}
