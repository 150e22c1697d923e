// layernorm_backward: dx (+)= rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * weight, xhat = (x - mean) * rstd.
// x, dy (R,C)  weight (C)  mean, rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<Storage>;
@group(0) @binding(5) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  let scale = 1.0 / f32(sizes.C);
  let mu = mean[row];
  let r = rstd[row];
  var sum_g = 0.0;
  var sum_gx = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let g = f32(dy[start + c]) * weight[c];
    sum_g += g;
    sum_gx += g * ((f32(x[start + c]) - mu) * r);
  }
  let mean_g = sum_g * scale;
  let mean_gx = sum_gx * scale;
  for (var c = 0u; c < sizes.C; c++) {
    let g = f32(dy[start + c]) * weight[c];
    let xhat = (f32(x[start + c]) - mu) * r;
    var value = r * (g - mean_g - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(dx[start + c]);
    }
    dx[start + c] = Storage(value);
  }
}
