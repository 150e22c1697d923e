// softmax_workgroup: as softmax, for GPUs; slow where a barrier is (software adapters).
// x (R,C)  ->  y (R,C)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// Exponentials are computed twice: that is cheaper there than to store them in between.
// lib: fold, row_max, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  var own = f32(x[start]);
  for (var c = lane; c < C; c += LANES) {
    own = max(own, f32(x[start + c]));
  }
  let largest = row_max(own, index, LANES);
  var total = 0.0;
  for (var c = lane; c < C; c += LANES) {
    total += exp(f32(x[start + c]) - largest);
  }
  let scale = 1.0 / row_sum(vec2f(total, 0.0), index, LANES).x;
  for (var c = lane; c < C; c += LANES) {
    y[start + c] = Storage(exp(f32(x[start + c]) - largest) * scale);
  }
}
