// attention_pad: y[b,t,h,d] = x[b,t,h,d] for d < D, 0 from there to `width`: heads whose size is no multiple of 4 to and from
// rows that the other attention kernels can read as vec4.
// x, y (B,T,H,..) each at its own start and strides, in elements.
// grid: one invocation an element of (B,T,H,width), folded.
// lib: fold

alias From = f32;
alias To = f32;

struct Sizes {
  N: u32, T: u32, H: u32, width: u32, D: u32,
  x_start: u32, x_batch: u32, x_token: u32, x_head: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
}

@group(0) @binding(0) var<storage, read> x: array<From>;
@group(0) @binding(1) var<storage, read_write> y: array<To>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let d = n % sizes.width;
  let h = (n / sizes.width) % sizes.H;
  let t = (n / (sizes.width * sizes.H)) % sizes.T;
  let b = n / (sizes.width * sizes.H * sizes.T);
  var value = 0.0;
  if (d < sizes.D) {
    value = f32(x[sizes.x_start + b * sizes.x_batch + t * sizes.x_token + h * sizes.x_head + d]);
  }
  y[sizes.y_start + b * sizes.y_batch + t * sizes.y_token + h * sizes.y_head + d] = To(value);
}
