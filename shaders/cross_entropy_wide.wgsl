// cross_entropy_wide: as cross_entropy, for long rows: a vocabulary of thousands.
// logits (N,V)  targets (N)  ->  tokenLoss, rowMax, logSum (N)
// grid: one workgroup a row, folded. Lane l takes columns l, l + 64, ..; the 64 partial results meet in workgroup memory and are added
// in order: the same bits on every run.
// lib: fold, targets

struct Sizes { N: u32, V: u32, ignore_index: i32, smoothing: f32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> tokenLoss: array<f32>;
@group(0) @binding(3) var<storage, read_write> rowMax: array<f32>;
@group(0) @binding(4) var<storage, read_write> logSum: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 1;

var<workgroup> largest_of: array<f32, 64>;
var<workgroup> total_of: array<f32, 64>;
var<workgroup> below_of: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  // A folded grid may have workgroups behind the last row: they repeat it up to the end, for barriers must be met by all.
  let n = min(folded(group, groups), sizes.N - 1u);
  let start = n * sizes.V;
  var largest = logits[start + min(lane, sizes.V - 1u)];
  for (var v = lane; v < sizes.V; v += 64u) {
    largest = max(largest, logits[start + v]);
  }
  largest_of[lane] = largest;
  workgroupBarrier();
  for (var l = 0u; l < 64u; l++) {
    largest = max(largest, largest_of[l]);
  }
  var total = 0.0;
  var below = 0.0;
  for (var v = lane; v < sizes.V; v += 64u) {
    let d = logits[start + v] - largest;
    total += exp(d);
    below += d;
  }
  total_of[lane] = total;
  below_of[lane] = below;
  workgroupBarrier();
  if (lane > 0u || folded(group, groups) >= sizes.N) {
    return;
  }
  total = 0.0;
  below = 0.0;
  for (var l = 0u; l < 64u; l++) {
    total += total_of[l];
    below += below_of[l];
  }
  let log_total = log(total);
  var loss = 0.0;
  if (is_kept(targets[n], sizes.ignore_index, sizes.V)) {
    let nll = log_total - (logits[start + u32(targets[n])] - largest);
    let even = log_total - below / f32(sizes.V);
    loss = (1.0 - sizes.smoothing) * nll + sizes.smoothing * even;
  }
  tokenLoss[n] = loss;
  rowMax[n] = largest;
  logSum[n] = log_total;
}
