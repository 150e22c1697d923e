// cross_entropy_mean: loss = sum of tokenLoss / kept, kept = number of targets that are not ignored; 0 if there is none.
// targets, tokenLoss (N)  ->  loss (1)  kept (1)
// grid: one workgroup for everything. Lane l adds elements l, l + 64, .. in order, then lane 0 the 64 partial sums: the same bits on
// every run.
// lib: targets

struct Sizes { N: u32, V: u32, ignore_index: i32 }

@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> tokenLoss: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

var<workgroup> sums: array<f32, 64>;
var<workgroup> counts: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  var count = 0u;
  for (var n = lane; n < sizes.N; n += 64u) {
    sum += tokenLoss[n];
    count += select(0u, 1u, is_kept(targets[n], sizes.ignore_index, sizes.V));
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
