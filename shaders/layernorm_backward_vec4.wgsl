// layernorm_backward_vec4: as layernorm_backward, four columns a load, for C divisible by 4.
// x, dy (R,C)  weight (C)  mean, rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  let scale = vec4f(1.0 / f32(sizes.C));
  let mu = mean[row];
  let r = rstd[row];
  var sum_g = vec4f();
  var sum_gx = vec4f();
  for (var q = 0u; q < quads; q++) {
    let g = vec4f(dy[start + q]) * weight[q];
    sum_g += g;
    sum_gx += g * ((vec4f(x[start + q]) - mu) * r);
  }
  let mean_g = dot(sum_g, scale);
  let mean_gx = dot(sum_gx, scale);
  for (var q = 0u; q < quads; q++) {
    let g = vec4f(dy[start + q]) * weight[q];
    let xhat = (vec4f(x[start + q]) - mu) * r;
    var value = r * (g - mean_g - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += vec4f(dx[start + q]);
    }
    dx[start + q] = vec4<Storage>(value);
  }
}
