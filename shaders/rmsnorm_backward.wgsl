// rmsnorm_backward: dx (+)= rstd * (g - xhat * mean(g * xhat)), g = dy * (weight_offset + weight), xhat = x * rstd.
// x, dy (R,C)  weight (C)  rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  let r = rstd[row];
  var sum_gx = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    sum_gx += f32(dy[start + c]) * (weight[c] + sizes.weight_offset) * (f32(x[start + c]) * r);
  }
  let mean_gx = sum_gx / f32(sizes.C);
  for (var c = 0u; c < sizes.C; c++) {
    let xhat = f32(x[start + c]) * r;
    var value = r * (f32(dy[start + c]) * (weight[c] + sizes.weight_offset) - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(dx[start + c]);
    }
    dx[start + c] = Storage(value);
  }
}
