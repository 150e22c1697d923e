// gate: decides whether an optimizer step is applied, and how.
// norm (1), control (4: steps applied, 1 - beta1^steps, 1 - beta2^steps, latch)
//   ->  gate (4: applied or not, factor on the gradients, 1 - beta1^t, 1 - beta2^t) and the new control
// The bias corrections follow c <- beta c + (1 - beta), which needs no pow and loses no digits at small t. They live on the
// device because a step that was skipped must not count. max_norm 0 does not clip.
// grid: one invocation.

struct Sizes {
  max_norm: f32,
  beta1: f32, beta2: f32,
  one_minus_beta1: f32, one_minus_beta2: f32,
  LATCH: u32,
}

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read_write> control: array<f32>;
@group(0) @binding(2) var<storage, read_write> gate: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

@compute @workgroup_size(1)
fn main() {
  // The exponent bits are all set in an infinity and in a NaN; comparisons of floats may be optimised away.
  let finite = (bitcast<u32>(norm[0]) & 0x7f800000u) != 0x7f800000u;
  if (!finite && sizes.LATCH == 1u) {
    control[3] = 1.0;
  }
  let apply = finite && control[3] == 0.0;
  if (apply) {
    control[0] += 1.0;
    control[1] = sizes.beta1 * control[1] + sizes.one_minus_beta1;
    control[2] = sizes.beta2 * control[2] + sizes.one_minus_beta2;
  }
  var factor = 1.0;
  if (sizes.max_norm > 0.0) {
    factor = min(1.0, sizes.max_norm / (norm[0] + 1e-6));
  }
  gate[0] = select(0.0, 1.0, apply);
  gate[1] = factor;
  gate[2] = control[1];
  gate[3] = control[2];
}
