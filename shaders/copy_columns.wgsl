// copy_columns: `width` neighbouring columns of x into y, whose other columns stay as they are.
// x (N,from_width), from column from_first on  ->  y (N,to_width), from column to_first on
// grid: one invocation four neighbouring columns of a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32, width: u32, from_width: u32, from_first: u32, to_width: u32, to_first: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  let quads = (sizes.width + 3u) / 4u;
  let n = i / quads;
  if (n >= sizes.N) {
    return;
  }
  let source = n * sizes.from_width + sizes.from_first;
  let to = n * sizes.to_width + sizes.to_first;
  let first = (i % quads) * 4u;
  let end = min(first + 4u, sizes.width);
  for (var c = first; c < end; c++) {
    y[to + c] = x[source + c];
  }
}
