// cast: y = x in another storage type; to f16 the nearest, and infinity beyond its range.
// x (N)  ->  y (N)
// grid: 64 invocations a workgroup, four elements each, folded. The last one may have fewer: nothing is written beyond y.
// lib: fold

alias From = f32;
alias To = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<From>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<To>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (4u * i >= sizes.N) {
    return;
  }
  let values = vec4f(x[i]);
  let count = sizes.N - 4u * i;
  if (count >= 4u) {
    y[i] = vec4<To>(values);
    return;
  }
  for (var j = 0u; j < count; j++) {
    y[i][j] = To(values[j]);
  }
}
