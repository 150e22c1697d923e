// rope: turns every pair (x[d], x[d + D/2]) of a head by the angle of its token: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin.
// x (rows,D)  cosines, sines (T,W) or (B,T,W), of which the first D/2 columns are read  ->  y (rows,D)
// A row is a head of a token: row / token_step % T is its token, row / batch_step its text.
// direction is 1, or -1 for the way back, which is the derivative.
// grid: one invocation a pair, folded.
// Source: Su et al. 2021 (arXiv:2104.09864), eq. 34, with the halves of a head as pairs (rotate_half of transformers).
// lib: fold

alias Storage = f32;

struct Sizes {
  N: u32, half: u32, T: u32,
  token_step: u32, batch_step: u32,
  table_row: u32, table_batch: u32, direction: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> cosines: array<f32>;
@group(0) @binding(2) var<storage, read> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Storage>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let row = n / sizes.half;
  let d = n % sizes.half;
  let low = 2u * sizes.half * row + d;
  let high = low + sizes.half;
  let token = (row / sizes.token_step) % sizes.T;
  let at = (row / sizes.batch_step) * sizes.table_batch + token * sizes.table_row + d;
  let c = cosines[at];
  let s = sizes.direction * sines[at];
  let x1 = f32(x[low]);
  let x2 = f32(x[high]);
  y[low] = Storage(x1 * c - x2 * s);
  y[high] = Storage(x2 * c + x1 * s);
}
