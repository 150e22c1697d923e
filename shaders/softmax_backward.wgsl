// softmax_backward: dx = y * (dy - sum of dy * y) over the last axis.
// y, dy (R,C)  ->  dx (R,C)
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> y: array<Storage>;
@group(0) @binding(1) var<storage, read> dy: array<Storage>;
@group(0) @binding(2) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var dot = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    dot += f32(dy[start + c]) * f32(y[start + c]);
  }
  for (var c = 0u; c < sizes.C; c++) {
    dx[start + c] = Storage(f32(y[start + c]) * (f32(dy[start + c]) - dot));
  }
}
