// layernorm_workgroup: as layernorm, for GPUs; slow where a barrier is (software adapters).
// x (R,C)  weight, bias (C)  ->  y (R,C)  mean, rstd (R)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// The variance is taken around the mean in a second pass, and corrected for the mean's own rounding, as in layernorm.
// lib: fold, row_sum
// optional: bias

alias Storage = f32;

struct Sizes { R: u32, C: u32, HAS_BIAS: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Storage>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

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
  let scale = 1.0 / f32(sizes.C);
  var total = 0.0;
  for (var c = lane; c < C; c += LANES) {
    total += f32(x[start + c]);
  }
  let rough = row_sum(vec2f(total, 0.0), index, LANES).x * scale;
  var off = 0.0;
  var squares = 0.0;
  for (var c = lane; c < C; c += LANES) {
    let d = f32(x[start + c]) - rough;
    off += d;
    squares += d * d;
  }
  let sums = row_sum(vec2f(off, squares), index, LANES) * scale;
  let mu = rough + sums.x;
  let r = inverseSqrt(max(sums.y - sums.x * sums.x, 0.0) + sizes.eps);
  for (var c = lane; c < C; c += LANES) {
    var value = (f32(x[start + c]) - mu) * r * weight[c];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[c];
    }
    y[start + c] = Storage(value);
  }
  if (lane == 0u && row_index < sizes.R) {
    mean[row] = mu;
    rstd[row] = r;
  }
}
