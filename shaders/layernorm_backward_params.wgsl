// layernorm_backward_params: dweight[p, c] = sum of dy * (x - mean) * rstd, dbias[p, c] = sum of dy, over the rows of part p.
// x, dy (R,C)  mean, rstd (R)  ->  dweight, dbias (parts,C); part p has `chunk` rows from p * chunk, and one part has all
// grid: one invocation an element of dweight, folded. Each adds its rows in order: the same bits on every run.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.parts * sizes.C) {
    return;
  }
  let part = n / sizes.C;
  let first = part * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.R);
  var at = first * sizes.C + n % sizes.C;
  var sum_gx = 0.0;
  var sum_g = 0.0;
  for (var row = first; row < end; row++) {
    let g = f32(dy[at]);
    sum_gx += g * ((f32(x[at]) - mean[row]) * rstd[row]);
    sum_g += g;
    at += sizes.C;
  }
  dweight[n] = sum_gx;
  dbias[n] = sum_g;
}
