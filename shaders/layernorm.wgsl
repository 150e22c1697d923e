// layernorm: y = (x - mean) * rstd * weight (+ bias) over the last axis, rstd = 1 / sqrt(variance + eps).
// x (R,C)  weight, bias (C)  ->  y (R,C)  mean, rstd (R), saved for the backward pass
// grid: one invocation a row, folded.
// The variance is taken around the mean in a second pass, and corrected for the mean's own rounding: E[x^2] - mean^2 would
// lose all digits where the mean is large. Source: Ba et al. 2016 (arXiv:1607.06450); Chan, Golub and LeVeque 1983, eq. 1.7.
// lib: fold
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

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  let scale = 1.0 / f32(sizes.C);
  var total = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    total += f32(x[start + c]);
  }
  let rough = total * scale;
  var off = 0.0;
  var squares = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let d = f32(x[start + c]) - rough;
    off += d;
    squares += d * d;
  }
  let shift = off * scale;
  let mu = rough + shift;
  let r = inverseSqrt(max(squares * scale - shift * shift, 0.0) + sizes.eps);
  for (var c = 0u; c < sizes.C; c++) {
    var value = (f32(x[start + c]) - mu) * r * weight[c];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[c];
    }
    y[start + c] = Storage(value);
  }
  mean[row] = mu;
  rstd[row] = r;
}
