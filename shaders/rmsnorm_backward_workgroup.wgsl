// rmsnorm_backward_workgroup: as rmsnorm_backward, for GPUs; slow where a barrier is (software adapters).
// x, dy (R,C)  weight (C)  rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  let r = rstd[row];
  var sum_gx = 0.0;
  for (var c = lane; c < C; c += LANES) {
    sum_gx += f32(dy[start + c]) * (weight[c] + sizes.weight_offset) * (f32(x[start + c]) * r);
  }
  let mean_gx = row_sum(vec2f(sum_gx, 0.0), index, LANES).x / f32(sizes.C);
  for (var c = lane; c < C; c += LANES) {
    let xhat = f32(x[start + c]) * r;
    var value = r * (f32(dy[start + c]) * (weight[c] + sizes.weight_offset) - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(dx[start + c]);
    }
    dx[start + c] = Storage(value);
  }
}
