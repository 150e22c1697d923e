// muon_update: p = p (1 - lr wd) - lr factor direction, in place. Nothing changes where gate[0] is 0.
// p, direction (N), learningRate (1). gate: see gate.wgsl.
// grid: 64 invocations a workgroup, four elements each, folded.
// Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
// lib: fold

struct Sizes { N: u32, weight_decay: f32, factor: f32 }

@group(0) @binding(0) var<storage, read_write> p: array<f32>;
@group(0) @binding(1) var<storage, read> direction: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read> learningRate: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (gate[0] == 0.0) {
    return;
  }
  let start = folded(group, groups) * 256u + lane;
  let keep = 1.0 - learningRate[0] * sizes.weight_decay;
  let rate = learningRate[0] * sizes.factor;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      p[i] = p[i] * keep - rate * direction[i];
    }
  }
}
