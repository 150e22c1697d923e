// add: y = a + b for equal shapes.
// grid: 64 invocations a workgroup, four elements each, folded.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      y[i] = Storage(f32(a[i]) + f32(b[i]));
    }
  }
}
