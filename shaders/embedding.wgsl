// embedding: y[n] = weight[ids[n] - first]; a row of zeros where that is no row of weight.
// weight (V,C)  ids (N)  ->  y (N,C); if ACCUMULATE is 1, added onto what y holds
// grid: one invocation four neighbouring columns of a row of y, folded.
// lib: fold

alias Table = f32;
alias Storage = f32;

struct Sizes { N: u32, V: u32, C: u32, first: i32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> weight: array<Table>;
@group(0) @binding(1) var<storage, read> ids: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  let quads = (sizes.C + 3u) / 4u;
  let n = i / quads;
  if (n >= sizes.N) {
    return;
  }
  let id = ids[n];
  let known = id >= sizes.first && u32(id - sizes.first) < sizes.V;
  if (sizes.ACCUMULATE == 1u && !known) {
    return;
  }
  let row = select(0u, u32(id - sizes.first), known) * sizes.C;
  let start = (i % quads) * 4u;
  let end = min(start + 4u, sizes.C);
  for (var c = start; c < end; c++) {
    let at = n * sizes.C + c;
    var value = select(0.0, f32(weight[row + c]), known);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(y[at]);
    }
    y[at] = Storage(value);
  }
}
