// muon_momentum: the momentum of one matrix, in place, and the direction of its step.
//   m = mu m + (1 - mu) g     u = mu m + (1 - mu) g (NESTEROV = 1) or m (0), with the new m and the clipped gradient
// g, m, u (N). gate: see gate.wgsl. Where gate[0] is 0, m stays and u is of no use.
// grid: 64 invocations a workgroup, four elements each, folded.
// Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
// lib: fold

struct Sizes { N: u32, mu: f32, one_minus_mu: f32, NESTEROV: u32 }

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  let applied = gate[0] != 0.0;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      let own = sizes.one_minus_mu * (g[i] * gate[1]);
      let momentum = sizes.mu * m[i] + own;
      if (applied) {
        m[i] = momentum;
      }
      u[i] = select(momentum, sizes.mu * momentum + own, sizes.NESTEROV == 1u);
    }
  }
}
