// ema: an exponential moving average of parameters, over a slab, in place.
//   average += max(1 - decay, 9 / (10 + t)) (p - average),   t: steps applied, control[0]
// The host sends 1 - decay: in f32 the difference would lose its digits.
// p, average (N); gate: see gate.wgsl. Nothing changes where gate[0] is 0.
// grid: one invocation a vec4, folded.
// Source: Polyak and Juditsky 1992 for the idea; the warm-up of the decay is TensorFlow's ExponentialMovingAverage(num_updates).
// lib: fold

struct Sizes { N: u32, one_minus_decay: f32 }

@group(0) @binding(0) var<storage, read> p: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> average: array<vec4f>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read> control: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, workgroups) * 64u + lane;
  if (i >= sizes.N || gate[0] == 0.0) {
    return;
  }
  let t = control[0];
  let share = max(sizes.one_minus_decay, 9.0 / (10.0 + t));
  average[i] += share * (p[i] - average[i]);
}
