// cross_entropy_backward: dstats = (dloss / kept + dtokenLoss) * (0, 1, e - 1, -e / V); 0 in rows whose target is ignored.
// targets (N)  kept (1)  dloss (1) if HAS_LOSS is 1  dtokenLoss (N) if HAS_TOKEN_LOSS is 1  ->  dstats (N,4)
// grid: one invocation a row, folded.
// lib: fold, targets
// optional: dloss, dtokenLoss

struct Sizes { N: u32, V: u32, ignore_index: i32, smoothing: f32, HAS_LOSS: u32, HAS_TOKEN_LOSS: u32 }

@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> kept: array<f32>;
@group(0) @binding(2) var<storage, read> dloss: array<f32>;
@group(0) @binding(3) var<storage, read> dtokenLoss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dstats: array<vec4f>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  var d = 0.0;
  if (is_kept(targets[n], sizes.ignore_index, sizes.V)) {
    if (sizes.HAS_LOSS == 1u) {
      d = dloss[0] / kept[0];
    }
    if (sizes.HAS_TOKEN_LOSS == 1u) {
      d += dtokenLoss[n];
    }
  }
  let e = sizes.smoothing;
  dstats[n] = d * vec4f(0.0, 1.0, e - 1.0, -e / f32(sizes.V));
}
