// squares: partial[start + i] = sum of squares of the elements that invocation i owns: 256 of them, 64 apart.
// x (N)  ->  partial, 64 numbers a workgroup
// grid: a workgroup of 64 invocations covers 16,384 elements, folded.
// lib: fold

struct Sizes { N: u32, start: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 16384;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = folded(group, groups);
  if (part * 16384u >= sizes.N) {
    return;
  }
  let start = part * 16384u + lane;
  let end = min(part * 16384u + 16384u, sizes.N);
  var total = 0.0;
  for (var i = start; i < end; i += 64u) {
    total += x[i] * x[i];
  }
  partial[sizes.start + part * 64u + lane] = total;
}
