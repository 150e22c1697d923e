// cross_entropy_backward: dlogits = dloss / kept * (softmax - wanted), wanted = (1 - e) at the target + e / V everywhere; 0 in rows
// whose target is ignored.
// logits (N,V), in dlogits' place  targets, rowMax, logSum (N)  kept, dloss (1)  ->  dlogits (N,V)
// grid: one invocation a row, folded. For long rows see cross_entropy_backward_wide.
// lib: fold, targets

struct Sizes { N: u32, V: u32, ignore_index: i32, smoothing: f32 }

@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> rowMax: array<f32>;
@group(0) @binding(2) var<storage, read> logSum: array<f32>;
@group(0) @binding(3) var<storage, read> kept: array<f32>;
@group(0) @binding(4) var<storage, read> dloss: array<f32>;
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let target_id = targets[n];
  let counts = is_kept(target_id, sizes.ignore_index, sizes.V);
  let factor = dloss[0] / max(kept[0], 1.0);
  let even = sizes.smoothing / f32(sizes.V);
  let largest = rowMax[n];
  let log_total = logSum[n];
  for (var v = 0u; v < sizes.V; v++) {
    let at = n * sizes.V + v;
    let p = exp((dlogits[at] - largest) - log_total);
    let wanted = even + select(0.0, 1.0 - sizes.smoothing, u32(target_id) == v);
    dlogits[at] = select(0.0, factor * (p - wanted), counts);
  }
}
