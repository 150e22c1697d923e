// matmul_pack: b as the subgroup forms of matmul read it: row by row, rows padded with zeros to whole vec4s.
// b (B,K,N) through row and column strides  ->  packed (B,K,COLUMNS vec4)
// grid: one invocation for a vec4 in 16 rows, folded; neighbouring invocations write neighbours. 16 rows, because where b is stored
// the other way they lie in one line of the cache, which is gone when another invocation asks for the next.
// lib: fold

alias Storage = f32;

struct Sizes { COUNT: u32, CHUNKS: u32, K: u32, N: u32, b_row: u32, b_col: u32, COLUMNS: u32 }

@group(0) @binding(0) var<storage, read> b: array<Storage>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec4<Storage>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.COUNT) {
    return;
  }
  let quad = i % sizes.COLUMNS;
  let chunk = i / sizes.COLUMNS;
  let entry = chunk / sizes.CHUNKS;
  let first = chunk % sizes.CHUNKS * 16u;
  let n = vec4u(4u * quad) + vec4u(0u, 1u, 2u, 3u);
  let there = n < vec4u(sizes.N);
  let column = vec4u(entry * sizes.K * sizes.N) + min(n, vec4u(sizes.N - 1u)) * sizes.b_col;
  for (var k = first; k < min(first + 16u, sizes.K); k++) {
    let at = column + k * sizes.b_row;
    let value = vec4<Storage>(b[at.x], b[at.y], b[at.z], b[at.w]);
    packed[(entry * sizes.K + k) * sizes.COLUMNS + quad] = select(vec4<Storage>(), value, there);
  }
}
