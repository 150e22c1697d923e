// gate: decides whether an optimizer step is applied, and how, and what the step looked like.
// norm (1) of the gradients, totals (2: losses summed, targets) where gradients are sums over that many targets, else loss (1),
// lossScale (2: factor that is in the gradients, steps in a row without overflow) where a training in f16 keeps one,
// control (8: steps applied, 1 - beta1^steps, 1 - beta2^steps, latch; mean, variance and number of the losses so far, the last)
//   ->  gate (4: applied or not, factor on the gradients, 1 - beta1^t, 1 - beta2^t), the new control and lossScale, and
//       seen (4: norm of the mean gradient, mean loss, deviations of the loss above its mean, skipped: 1 as a spike, 2 for an
//       overflow; with SCALED a fifth: the factor as it was)
// The bias corrections follow c <- beta c + (1 - beta), which needs no pow and loses no digits at small t. They live on the
// device because a step that was skipped must not count. max_norm 0 does not clip. Statistics move by differences
// (Finch 2009, section 9); a spike counts as one that is just none.
// grid: one invocation.
// optional: totals, loss, lossScale

struct Sizes {
  max_norm: f32,
  beta1: f32, beta2: f32,
  one_minus_beta1: f32, one_minus_beta2: f32,
  LATCH: u32,
  SUMMED: u32,
  SCORED: u32,
  SKIP: u32,
  SCALED: u32, grows_after: f32, most_scale: f32,
  spike: f32, score_after: f32, mean_step: f32, variance_step: f32, least_share: f32, least_deviation: f32,
}

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read_write> control: array<f32>;
@group(0) @binding(2) var<storage, read> totals: array<f32>;
@group(0) @binding(3) var<storage, read> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> gate: array<f32>;
@group(0) @binding(5) var<storage, read_write> seen: array<f32>;
@group(0) @binding(6) var<storage, read_write> lossScale: array<f32>;
@group(0) @binding(7) var<uniform> sizes: Sizes;

// The exponent bits are all set in an infinity and in a NaN; comparisons of floats may be optimised away.
fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

// Deviations of a loss above those before it, which it then joins.
fn score(x: f32) -> f32 {
  let mean = control[4];
  let count = control[6];
  let deviation = max(sqrt(control[5]), max(sizes.least_share * abs(mean), sizes.least_deviation));
  var z = 0.0;
  var joins = x;
  if (count >= sizes.score_after) {
    z = (x - mean) / deviation;
    joins = min(x, mean + sizes.spike * deviation);
  }
  let share = 1.0 / (count + 1.0);
  let a = max(sizes.mean_step, share);
  let b = max(sizes.variance_step, share);
  let d = joins - mean;
  control[4] = mean + a * d;
  let step = select(0.0, joins - control[7], count > 0.0);
  control[5] += b * (select(0.5 * step * step, d * d, z > sizes.spike) - control[5]);
  control[6] = count + 1.0;
  control[7] = joins;
  return z;
}

// Halves the factor after an overflow and doubles it after enough steps without.
fn move_scale(factor: f32, overflow: bool) {
  if (overflow) {
    lossScale[0] = max(1.0, 0.5 * factor);
    lossScale[1] = 0.0;
    return;
  }
  let sound = lossScale[1] + 1.0;
  let grows = sound >= sizes.grows_after;
  lossScale[0] = select(factor, min(2.0 * factor, sizes.most_scale), grows);
  lossScale[1] = select(sound, 0.0, grows);
}

@compute @workgroup_size(1)
fn main() {
  var size = norm[0];
  var mean_loss = 0.0;
  var share = 1.0;
  var scale = 1.0;
  if (sizes.SCALED == 1u) {
    scale = lossScale[0];
    size /= scale;
  }
  if (sizes.SUMMED == 1u) {
    share = 1.0 / select(totals[1], 1.0, totals[1] == 0.0);
    size *= share;
    mean_loss = totals[0] * share;
  } else if (sizes.SCORED == 1u) {
    mean_loss = loss[0];
  }
  let finite = is_finite(size) && is_finite(mean_loss);
  let running = control[3] == 0.0;
  let overflow = running && scale > 1.0 && !is_finite(size) && is_finite(mean_loss);
  if (sizes.SCALED == 1u && running && (finite || overflow)) {
    move_scale(scale, overflow);
  }
  if (!finite && !overflow && sizes.LATCH == 1u) {
    control[3] = 1.0;
  }
  var apply = finite && control[3] == 0.0;
  var z = 0.0;
  if (sizes.SCORED == 1u && apply) {
    z = score(mean_loss);
  }
  let skipped = sizes.SKIP == 1u && z > sizes.spike;
  apply = apply && !skipped;
  if (apply) {
    control[0] += 1.0;
    control[1] = sizes.beta1 * control[1] + sizes.one_minus_beta1;
    control[2] = sizes.beta2 * control[2] + sizes.one_minus_beta2;
  }
  var factor = share;
  if (sizes.max_norm > 0.0) {
    factor *= min(1.0, sizes.max_norm / (size + 1e-6));
  }
  if (sizes.SCALED == 1u) {
    factor /= scale;
    seen[4] = scale;
  }
  gate[0] = select(0.0, 1.0, apply);
  gate[1] = factor;
  gate[2] = control[1];
  gate[3] = control[2];
  seen[0] = size;
  seen[1] = mean_loss;
  seen[2] = z;
  seen[3] = select(select(0.0, 1.0, skipped), 2.0, overflow);
}
