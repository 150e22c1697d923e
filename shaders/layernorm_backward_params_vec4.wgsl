// layernorm_backward_params_vec4: as layernorm_backward_params, four columns an invocation, for C divisible by 4.
// x, dy (R,C)  mean, rstd (R)  ->  dweight, dbias (parts,C); part p has `chunk` rows from p * chunk, and one part has all
// grid: one invocation four columns of a part, folded. Each adds its rows in order: the same bits on every run.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> dweight: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dbias: array<vec4f>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  let quads = sizes.C / 4u;
  if (n >= sizes.parts * quads) {
    return;
  }
  let part = n / quads;
  let first = part * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.R);
  var at = first * quads + n % quads;
  var sum_gx = vec4f();
  var sum_g = vec4f();
  for (var row = first; row < end; row++) {
    let g = vec4f(dy[at]);
    sum_gx += g * ((vec4f(x[at]) - mean[row]) * rstd[row]);
    sum_g += g;
    at += quads;
  }
  dweight[n] = sum_gx;
  dbias[n] = sum_g;
}
