// average: a moving average of parameters, over a slab, in place.
//   average += (1 - d) (p - average),   d = min(decay, (1 + t) / (10 + t)),   t: steps applied, control[0]
// p, average (N); gate: see gate.wgsl. Nothing changes where gate[0] is 0.
// grid: one invocation a vec4, folded.
// Source: Polyak and Juditsky 1992 for the idea; the warm-up of the decay is TensorFlow's ExponentialMovingAverage(num_updates).
// lib: fold

struct Sizes { N: u32, decay: f32 }

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
  let share = 1.0 - min(sizes.decay, (1.0 + t) / (10.0 + t));
  average[i] += share * (p[i] - average[i]);
}
