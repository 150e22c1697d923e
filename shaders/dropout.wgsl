// dropout: y = keep_scale * x where an element is kept, else 0. The mask is a function of (stream, randomStep, element); none is stored.
// x (N), randomStep (1)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind y may be another value.
// lib: fold, random

alias Storage = f32;

struct Sizes { N: u32, stream: u32, threshold: u32, keep_scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> randomStep: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

// A dropped value is 0 whatever it was.
fn dropped(key: vec2u, i: u32) -> vec4f {
  let keep = keep_factors(key, vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u), sizes.threshold, sizes.keep_scale);
  return select(vec4f(), keep * vec4f(x[i]), keep > vec4f());
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let key = step_key(sizes.stream, randomStep[0]);
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      y[i] = vec4<Storage>(dropped(key, i));
    } else if (4u * i < sizes.N) {
      let tail = dropped(key, i);
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = Storage(tail[k]);
      }
    }
  }
}
