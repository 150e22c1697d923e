// transpose: y[b, c, r] = x[b, r, c].     x (B,R,C)  ->  y (B,C,R)
// grid: one invocation an element of y along x, folded; four elements each.
// lib: fold

struct Sizes { N: u32, R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      let r = i % sizes.R;
      let c = (i / sizes.R) % sizes.C;
      let b = i / (sizes.R * sizes.C);
      y[i] = x[(b * sizes.R + r) * sizes.C + c];
    }
  }
}
