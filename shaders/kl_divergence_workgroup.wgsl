// kl_divergence_workgroup: as kl_divergence, for GPUs; slow where a barrier is (software adapters).
// logits, teacher (R,C)  ->  stats, sums (R,4)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_max, row_sum, kl_divergence

alias Storage = f32;

struct Sizes { R: u32, C: u32, inverse: f32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> teacher: array<Storage>;
@group(0) @binding(2) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

fn both(at: u32) -> vec2f { return vec2f(f32(logits[at]), f32(teacher[at])); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  var own = both(start);
  for (var c = lane; c < C; c += LANES) {
    own = max(own, both(start + c));
  }
  let largest_x = row_max(own.x, index, LANES);
  let largest = vec2f(largest_x, row_max(own.y, index, LANES));
  var part = vec3f();
  for (var c = lane; c < C; c += LANES) {
    part += divergence_part((both(start + c) - largest) * sizes.inverse);
  }
  let exponentials = row_sum(part.xy, index, LANES);
  let total = vec3f(exponentials, row_sum(vec2f(part.z, 0.0), index, LANES).x);
  if (lane == 0u && row_index < sizes.R) {
    stats[row] = vec4f(0.0, divergence_of(total), 0.0, 0.0);
    sums[row] = vec4f(largest.x, log(total.x), largest.y, log(total.y));
  }
}
