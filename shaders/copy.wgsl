// copy: y = x, word by word. Bits are copied, so it serves every type; N counts words of four bytes.
// x (N)  ->  y (N)
// any type: x, y
// grid: one invocation a word, folded.
// lib: fold

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i < sizes.N) {
    y[i] = x[i];
  }
}
