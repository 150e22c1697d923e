// swiglu_backward: dgate = dy * up * slope of silu at gate, dup = dy * silu(gate), each over what it is made from.
// dgate, dup: gate and up before, their gradients after (N); dy (N)
// grid: 64 invocations a workgroup, four times four elements each, folded; tails as in swiglu.
// lib: fold, silu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read_write> dgate: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> dup: array<vec4<Storage>>;
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
    let gate = vec4f(dgate[i]);
    let upstream = vec4f(dy[i]);
    let by_up = vec4<Storage>(upstream * silu(gate));
    let by_gate = vec4<Storage>(upstream * vec4f(dup[i]) * silu_slope(gate));
    if (4u * i + 4u <= sizes.N) {
      dgate[i] = by_gate;
      dup[i] = by_up;
    } else {
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        dgate[i][k] = by_gate[k];
        dup[i][k] = by_up[k];
      }
    }
  }
}
