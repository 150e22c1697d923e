// swiglu: y = silu(gate) * up, element by element.
// gate, up (N)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole, since
// bindings are padded to 16 bytes, and written element by element.
// Source: Shazeer 2020 (arXiv:2002.05202), eq. 6.
// lib: fold, silu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> gate: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> up: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i >= sizes.N) {
      return;
    }
    let value = vec4<Storage>(silu(vec4f(gate[i])) * vec4f(up[i]));
    if (4u * i + 4u <= sizes.N) {
      y[i] = value;
    } else {
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = value[k];
      }
    }
  }
}
