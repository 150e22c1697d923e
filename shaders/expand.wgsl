// expand: y = x, repeated along axes of stride 0.
// Operands are read through strides in the joint index space of four axes D0..D3; a repeated axis has stride 0.
// grid: one invocation an element, folded.
// lib: fold, broadcast

alias Storage = f32;

struct Sizes {
  N: u32,
  D0: u32, D1: u32, D2: u32, D3: u32,
  A0: u32, A1: u32, A2: u32, A3: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.N) {
    return;
  }
  let at = unfold_axes(i, sizes.D1, sizes.D2, sizes.D3);
  let ai = strided(at, vec4u(sizes.A0, sizes.A1, sizes.A2, sizes.A3));
  y[i] = x[ai];
}
