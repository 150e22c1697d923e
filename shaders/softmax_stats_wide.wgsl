// softmax_stats_wide: as softmax_stats, for long rows (a vocabulary of thousands), and on GPUs for all.
// logits (N,width)  targets (N)  before (N,4), if first > 0  ->  stats (N,4)
// grid: one workgroup a row, folded. Lane l takes columns l, l + 64, ..; the 64 partial results meet in workgroup memory and are added
// in order: the same bits on every run.
// lib: fold, softmax_stats
// optional: before

alias Storage = f32;

struct Sizes { N: u32, width: u32, first: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read> before: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 1;

var<workgroup> largest_of: array<f32, 64>;
var<workgroup> total_of: array<f32, 64>;
var<workgroup> below_of: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  // A folded grid may have workgroups behind the last row: they repeat it up to the end, for barriers must be met by all.
  let n = min(folded(group, groups), sizes.N - 1u);
  let start = n * sizes.width;
  var largest = f32(logits[start + min(lane, sizes.width - 1u)]);
  for (var v = lane; v < sizes.width; v += 64u) {
    largest = max(largest, f32(logits[start + v]));
  }
  largest_of[lane] = largest;
  workgroupBarrier();
  for (var l = 0u; l < 64u; l++) {
    largest = max(largest, largest_of[l]);
  }
  var earlier = vec4f();
  if (sizes.first > 0u) {
    largest = max(largest, before[n].x);
    earlier = rebased_stats(before[n], largest, sizes.first, targets[n]);
  }
  var total = 0.0;
  var below = 0.0;
  for (var v = lane; v < sizes.width; v += 64u) {
    let d = f32(logits[start + v]) - largest;
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
  let column = targets[n] - i32(sizes.first);
  var at_target = earlier.z;
  if (column >= 0 && u32(column) < sizes.width) {
    at_target = f32(logits[start + u32(column)]) - largest;
  }
  let sum = below + earlier.w;
  stats[n] = vec4f(largest, log_of_sum(total + earlier.y, sum), at_target, sum);
}
