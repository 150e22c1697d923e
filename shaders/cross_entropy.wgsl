// cross_entropy: tokenLoss = (1 - e) * nll + e * mean over the row of -log p, nll = -log p[target]; 0 where the target is ignored.
// logits (N,V)  targets (N)  ->  tokenLoss (N)  rowMax, logSum (N), saved for the backward pass
// grid: one invocation a row, folded. For long rows see cross_entropy_wide.
// logSum = log of the sum of exp(logits - rowMax). The log-sum-exp is rowMax + logSum, but it is never formed: rounded at its own
// size it would cost every probability digits where logits are large.
// lib: fold, targets

struct Sizes { N: u32, V: u32, ignore_index: i32, smoothing: f32 }

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> tokenLoss: array<f32>;
@group(0) @binding(3) var<storage, read_write> rowMax: array<f32>;
@group(0) @binding(4) var<storage, read_write> logSum: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let start = n * sizes.V;
  var largest = logits[start];
  for (var v = 1u; v < sizes.V; v++) {
    largest = max(largest, logits[start + v]);
  }
  var total = 0.0;
  var below = 0.0;
  for (var v = 0u; v < sizes.V; v++) {
    let d = logits[start + v] - largest;
    total += exp(d);
    below += d;
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
