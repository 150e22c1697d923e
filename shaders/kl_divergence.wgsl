// kl_divergence: KL(q || p) = sum over classes of q ln(q / p), q = softmax(teacher / t), p = softmax(logits / t), inverse = 1 / t.
// logits, teacher (R,C)  ->  stats (R,4): 0, KL, 0, 0, as cross_entropy reads it; sums (R,4): the largest logit and the log of the sum
// of exp((x - largest) / t), of the student and of the teacher.
// grid: one invocation a row, folded. Two passes; the largest is taken away before logits are divided, so that large ones keep their
// digits, and rows that are equal have 0.
// Source: Hinton et al. 2015 (arXiv:1503.02531), section 2.
// lib: fold, kl_divergence

alias Storage = f32;

struct Sizes { R: u32, C: u32, inverse: f32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> teacher: array<Storage>;
@group(0) @binding(2) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn both(at: u32) -> vec2f { return vec2f(f32(logits[at]), f32(teacher[at])); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var largest = both(start);
  for (var c = 1u; c < sizes.C; c++) {
    largest = max(largest, both(start + c));
  }
  var total = vec3f();
  for (var c = 0u; c < sizes.C; c++) {
    total += divergence_part((both(start + c) - largest) * sizes.inverse);
  }
  stats[row] = vec4f(0.0, divergence_of(total), 0.0, 0.0);
  sums[row] = vec4f(largest.x, log(total.x), largest.y, log(total.y));
}
