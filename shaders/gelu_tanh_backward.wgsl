// gelu_tanh_backward: dx = dy * slope of gelu_tanh at x, element by element.
// x, dy (N)  ->  dx (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind dx may be another value.
// lib: fold, gelu_tanh

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      dx[i] = vec4<Storage>(vec4f(dy[i]) * gelu_tanh_slope(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = vec4f(dy[i]) * gelu_tanh_slope(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        dx[i][k] = Storage(tail[k]);
      }
    }
  }
}
