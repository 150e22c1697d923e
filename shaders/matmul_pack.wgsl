// matmul_pack: b as the subgroup forms of matmul read it: row by row, rows padded with zeros to whole vec4s.
// b (B,K,N) through row and column strides  ->  packed (B,K,COLUMNS vec4)
// grid: one invocation a vec4, folded; neighbouring invocations write neighbours.
// lib: fold

struct Sizes { COUNT: u32, K: u32, N: u32, b_row: u32, b_col: u32, COLUMNS: u32 }

@group(0) @binding(0) var<storage, read> b: array<f32>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec4f>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn element(start: u32, n: u32) -> f32 {
  let value = b[start + min(n, sizes.N - 1u) * sizes.b_col];
  return select(0.0, value, n < sizes.N);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.COUNT) {
    return;
  }
  let n = 4u * (i % sizes.COLUMNS);
  let row = i / sizes.COLUMNS;
  let start = (row / sizes.K) * sizes.K * sizes.N + (row % sizes.K) * sizes.b_row;
  packed[i] = vec4f(element(start, n), element(start, n + 1u), element(start, n + 2u), element(start, n + 3u));
}
