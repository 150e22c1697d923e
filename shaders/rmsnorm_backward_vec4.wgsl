// rmsnorm_backward_vec4: as rmsnorm_backward, four columns a load, for C divisible by 4.
// x, dy (R,C)  weight (C)  rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  let r = rstd[row];
  var sum_gx = vec4f();
  for (var q = 0u; q < quads; q++) {
    sum_gx += vec4f(dy[start + q]) * (weight[q] + sizes.weight_offset) * (vec4f(x[start + q]) * r);
  }
  let mean_gx = dot(sum_gx, vec4f(1.0 / f32(sizes.C)));
  for (var q = 0u; q < quads; q++) {
    let xhat = vec4f(x[start + q]) * r;
    var value = r * (vec4f(dy[start + q]) * (weight[q] + sizes.weight_offset) - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += vec4f(dx[start + q]);
    }
    dx[start + q] = vec4<Storage>(value);
  }
}
