// adamw: one step of AdamW (DECOUPLED = 1) or of Adam with L2 decay (0) over a slab of parameters, in place.
//   m = beta1 m + (1 - beta1) g     v = beta2 v + (1 - beta2) g^2
//   p = p (1 - lr wd) - lr (m / c1) / (sqrt(v / c2) + eps)
// g, m, v (N vec4) have one layout; map gives, for each 16 vec4, the block's place in p and (in the top 8 bits) its group;
// groups holds (weight decay, factor on the learning rate) a group. gate: see gate.wgsl. Nothing changes where gate[0] is 0.
// grid: one invocation a vec4, folded.
// Source: Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2.
// lib: fold

struct Sizes {
  N: u32,
  beta1: f32, beta2: f32,
  one_minus_beta1: f32, one_minus_beta2: f32,
  eps: f32,
  DECOUPLED: u32,
}

@group(0) @binding(0) var<storage, read_write> p: array<vec4f>;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> map: array<u32>;
@group(0) @binding(5) var<storage, read> groups: array<vec2f>;
@group(0) @binding(6) var<storage, read> gate: array<f32>;
@group(0) @binding(7) var<storage, read> learningRate: array<f32>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, workgroups) * 64u + lane;
  if (i >= sizes.N || gate[0] == 0.0) {
    return;
  }
  let block = map[i / 16u];
  let at = (block & 0xffffffu) * 16u + i % 16u;
  let settings = groups[block >> 24u];
  let lr = learningRate[0] * settings.y;
  var value = p[at];
  var gradient = g[i] * gate[1];
  if (sizes.DECOUPLED == 1u) {
    value *= 1.0 - lr * settings.x;
  } else {
    gradient += settings.x * value;
  }
  let m1 = sizes.beta1 * m[i] + sizes.one_minus_beta1 * gradient;
  let v1 = sizes.beta2 * v[i] + sizes.one_minus_beta2 * gradient * gradient;
  m[i] = m1;
  v[i] = v1;
  p[at] = value - lr * (m1 / gate[2]) / (sqrt(v1 / gate[3]) + sizes.eps);
}
