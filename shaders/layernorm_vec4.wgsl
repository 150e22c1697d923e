// layernorm_vec4: as layernorm, four columns a load, for C divisible by 4.
// x (R,C)  weight, bias (C)  ->  y (R,C)  mean, rstd (R)
// grid: one invocation a row, folded.
// lib: fold
// optional: bias

alias Storage = f32;

struct Sizes { R: u32, C: u32, HAS_BIAS: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  let scale = vec4f(1.0 / f32(sizes.C));
  var total = vec4f();
  for (var q = 0u; q < quads; q++) {
    total += vec4f(x[start + q]);
  }
  let rough = dot(total, scale);
  var off = vec4f();
  var squares = vec4f();
  for (var q = 0u; q < quads; q++) {
    let d = vec4f(x[start + q]) - rough;
    off += d;
    squares += d * d;
  }
  let shift = dot(off, scale);
  let mu = rough + shift;
  let r = inverseSqrt(max(dot(squares, scale) - shift * shift, 0.0) + sizes.eps);
  for (var q = 0u; q < quads; q++) {
    var value = (vec4f(x[start + q]) - mu) * r * weight[q];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[q];
    }
    y[start + q] = vec4<Storage>(value);
  }
  mean[row] = mu;
  rstd[row] = r;
}
