// Statistics of a row of logits over the classes seen so far:
// x: m, the largest; y: log of the sum of exp(logit - m); z: the target's logit - m, 0 until its class is seen; w: sum of logit - m.

// The same relative to m = largest, in place of y the sum itself. `seen` classes have been seen before, the target among them or not.
fn rebased_stats(stats: vec4f, largest: f32, seen: u32, target_id: i32) -> vec4f {
  let shift = largest - stats.x;
  let has_target = target_id >= 0 && u32(target_id) < seen;
  return vec4f(largest, exp(stats.y - shift), select(0.0, stats.z - shift, has_target), stats.w - f32(seen) * shift);
}

// log of the sum of exponentials, of which none exceeds 1. A NaN among the logits may make that sum infinite, where exp(NaN) is;
// `sum` of the logits is NaN then, and makes all that follows from the row show it.
fn log_of_sum(exponentials: f32, sum: f32) -> f32 {
  return select(log(exponentials), sum, exponentials > 3e38);
}

// Gradient of a logit x. `stats` are those of its row over all classes.
fn softmax_stats_slope(x: f32, stats: vec4f, dstats: vec4f, is_target: bool) -> f32 {
  let p = exp((x - stats.x) - stats.y);
  return dstats.y * p + (select(0.0, dstats.z, is_target) + dstats.w);
}
