// softmax_stats: for each row of logits its largest m, the log of the sum of exp(logit - m), the target's logit - m and the sum of
// logit - m, over the classes 0..first+width-1: those of `before`, and this chunk of them.
// logits (N,width)  targets (N)  before (N,4), if first > 0  ->  stats (N,4)
// grid: one invocation a row, folded. For long rows see softmax_stats_wide.
// The log-sum-exp is m + log, but it is never formed: rounded at its own size it would cost every probability digits where logits
// are large.
// lib: fold, softmax_stats
// optional: before

alias Storage = f32;

struct Sizes { N: u32, width: u32, first: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read> before: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let start = n * sizes.width;
  var largest = f32(logits[start]);
  for (var v = 1u; v < sizes.width; v++) {
    largest = max(largest, f32(logits[start + v]));
  }
  var earlier = vec4f();
  if (sizes.first > 0u) {
    largest = max(largest, before[n].x);
    earlier = rebased_stats(before[n], largest, sizes.first, targets[n]);
  }
  var total = 0.0;
  var below = 0.0;
  for (var v = 0u; v < sizes.width; v++) {
    let d = f32(logits[start + v]) - largest;
    total += exp(d);
    below += d;
  }
  let column = targets[n] - i32(sizes.first);
  var at_target = earlier.z;
  if (column >= 0 && u32(column) < sizes.width) {
    at_target = f32(logits[start + u32(column)]) - largest;
  }
  let sum = below + earlier.w;
  stats[n] = vec4f(largest, log_of_sum(total + earlier.y, sum), at_target, sum);
}
