// cache_reorder: keys[b,t] = keys[rows[b],t] for begin[b] <= t < end[b], values likewise, in place: a row that others are copied from stays.
// rows, begin, end (B)  keys, values (B,capacity,W)
// grid: PARTS workgroups a row, which go through its numbers in turn, folded: the cost is what stands there, not the capacity.
// lib: fold

alias Storage = f32;

struct Sizes { B: u32, W: u32, capacity: u32, PARTS: u32 }

@group(0) @binding(0) var<storage, read> rows: array<i32>;
@group(0) @binding(1) var<storage, read> begin: array<f32>;
@group(0) @binding(2) var<storage, read> end: array<f32>;
@group(0) @binding(3) var<storage, read_write> keys: array<Storage>;
@group(0) @binding(4) var<storage, read_write> values: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = folded(group, groups);
  let b = index / sizes.PARTS;
  if (b >= sizes.B) {
    return;
  }
  let row = u32(rows[b]);
  if (row == b) {
    return;
  }
  let to = b * sizes.capacity * sizes.W;
  let source = row * sizes.capacity * sizes.W;
  let stop = min(u32(round(end[b])), sizes.capacity) * sizes.W;
  for (var i = u32(round(begin[b])) * sizes.W + index % sizes.PARTS * 64u + lane; i < stop; i += sizes.PARTS * 64u) {
    keys[to + i] = keys[source + i];
    values[to + i] = values[source + i];
  }
}
