// cache_reorder: positions begin[b] to end[b] of row b: y[b,t] = x[rows[b],t] with GATHER, else y[b,t] = x[b,t], the way back.
// x, y (B,capacity,W)  rows, begin, end (B). A row that stays where it is is left out, there and back.
// grid: one invocation a number of a token and every PARTS-th position, folded: the cost is what stands there, not the capacity.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32, W: u32, capacity: u32, PARTS: u32, GATHER: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> rows: array<i32>;
@group(0) @binding(2) var<storage, read> begin: array<f32>;
@group(0) @binding(3) var<storage, read> end: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.N) {
    return;
  }
  let c = i % sizes.W;
  let part = (i / sizes.W) % sizes.PARTS;
  let b = i / sizes.W / sizes.PARTS;
  let row = u32(rows[b]);
  if (row == b) {
    return;
  }
  let first = u32(round(begin[b])) + part;
  let stop = min(u32(round(end[b])), sizes.capacity);
  let from_row = select(b, row, sizes.GATHER == 1u);
  for (var t = first; t < stop; t += sizes.PARTS) {
    y[(b * sizes.capacity + t) * sizes.W + c] = x[(from_row * sizes.capacity + t) * sizes.W + c];
  }
}
