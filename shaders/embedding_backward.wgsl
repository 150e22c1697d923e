// embedding_backward: dweight[v] += sum of dy[n] over the n with ids[n] - first = v. Without atomics: the first position of an id walks the
// chain of embedding_links and adds in the order of positions, so every run gives the same bits.
// ids (N)  links (N)  dy (N,C)  ->  dweight (V,C), added onto what it holds; rows without an id stay as they are
// grid: one invocation four neighbouring columns of a position, folded. Only first positions work.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32, C: u32, first: i32 }

@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read> links: array<vec2u>;
@group(0) @binding(2) var<storage, read> dy: array<Storage>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  let quads = (sizes.C + 3u) / 4u;
  let n = i / quads;
  if (n >= sizes.N || links[min(n, sizes.N - 1u)].y == 0u) {
    return;
  }
  let start = (i % quads) * 4u;
  let column = min(vec4u(start) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.C - 1u));
  var total = vec4f();
  var m = n;
  while (m < sizes.N) {
    let at = vec4u(m * sizes.C) + column;
    total += vec4f(f32(dy[at.x]), f32(dy[at.y]), f32(dy[at.z]), f32(dy[at.w]));
    m = links[m].x;
  }
  let row = u32(ids[n] - sizes.first) * sizes.C;
  for (var j = 0u; j < min(4u, sizes.C - start); j++) {
    dweight[row + start + j] += total[j];
  }
}
