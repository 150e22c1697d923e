// cross_entropy: tokenLoss = (1 - e) * nll + e * mean over all classes of -log p, nll = -log p[target]; 0 where the target is ignored.
// loss = sum of tokenLoss / kept, kept = number of targets that are not ignored; 0 if there is none.
// stats (N,4), of softmax_stats  targets (N)  ->  tokenLoss (N)  loss, kept (1)
// grid: one workgroup for everything. Lane l adds rows l, l + 64, .. in order, then lane 0 the 64 partial sums: the same bits on
// every run.
// lib: targets

struct Sizes { N: u32, V: u32, ignore_index: i32, smoothing: f32 }

@group(0) @binding(0) var<storage, read> stats: array<vec4f>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> tokenLoss: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> kept: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

var<workgroup> sums: array<f32, 64>;
var<workgroup> counts: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  var count = 0u;
  for (var n = lane; n < sizes.N; n += 64u) {
    var token_loss = 0.0;
    if (is_kept(targets[n], sizes.ignore_index, sizes.V)) {
      let row = stats[n];
      let nll = row.y - row.z;
      let even = row.y - row.w / f32(sizes.V);
      token_loss = (1.0 - sizes.smoothing) * nll + sizes.smoothing * even;
      count++;
    }
    tokenLoss[n] = token_loss;
    sum += token_loss;
  }
  sums[lane] = sum;
  counts[lane] = count;
  workgroupBarrier();
  if (lane > 0u) {
    return;
  }
  for (var l = 1u; l < 64u; l++) {
    sum += sums[l];
    count += counts[l];
  }
  loss[0] = select(0.0, sum / f32(max(count, 1u)), count > 0u);
  kept[0] = f32(count);
}
