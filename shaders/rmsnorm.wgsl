// rmsnorm: y = (weight_offset + weight) * x * rstd over the last axis, rstd = 1 / sqrt(mean(x^2) + eps).
// x (R,C)  weight (C)  ->  y (R,C)  rstd (R), saved for the backward pass
// grid: one invocation a row, folded.
// Source: Zhang and Sennrich 2019 (arXiv:1910.07467), section 3; with eps inside the root as Llama has it.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, eps: f32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var squares = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let value = f32(x[start + c]);
    squares += value * value;
  }
  let r = inverseSqrt(squares / f32(sizes.C) + sizes.eps);
  for (var c = 0u; c < sizes.C; c++) {
    y[start + c] = Storage(f32(x[start + c]) * r * (weight[c] + sizes.weight_offset));
  }
  rstd[row] = r;
}
