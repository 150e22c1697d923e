// rope_vec4: as rope, four pairs an invocation, for D divisible by 8; half and the steps of the tables are counted in vec4s.
// x (rows,D)  cosines, sines (T,W) or (B,T,W), of which the first D/2 columns are read  ->  y (rows,D)
// grid: one invocation four pairs, folded.
// lib: fold

alias Storage = f32;

struct Sizes {
  N: u32, half: u32, T: u32,
  token_step: u32, batch_step: u32,
  table_row: u32, table_batch: u32, direction: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> cosines: array<vec4f>;
@group(0) @binding(2) var<storage, read> sines: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Storage>>;
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
  let x1 = vec4f(x[low]);
  let x2 = vec4f(x[high]);
  y[low] = vec4<Storage>(x1 * c - x2 * s);
  y[high] = vec4<Storage>(x2 * c + x1 * s);
}
