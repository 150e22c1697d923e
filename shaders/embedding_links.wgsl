// embedding_links: for each position the next one with the same id, and whether it is the first: a chain through all uses of a row.
// ids (N)  ->  links (N), x: the next position, or N at the end; y: 1 for the first position of an id of first..first+V-1, else 0
// grid: one invocation a position, folded. Each looks forwards and backwards until it meets its id, at worst N steps: short where few
// ids are in use, and sorting would need more passes.
// lib: fold

struct Sizes { N: u32, V: u32, first: i32 }

@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read_write> links: array<vec2u>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let id = ids[n];
  if (id < sizes.first || u32(id - sizes.first) >= sizes.V) {
    links[n] = vec2u(sizes.N, 0u);
    return;
  }
  var next = n + 1u;
  while (next < sizes.N && ids[min(next, sizes.N - 1u)] != id) {
    next++;
  }
  var before = n;
  while (before > 0u && ids[max(before, 1u) - 1u] != id) {
    before--;
  }
  links[n] = vec2u(next, select(0u, 1u, before == 0u));
}
