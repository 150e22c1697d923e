// softmax_backward_workgroup: as softmax_backward, for GPUs; slow where a barrier is (software adapters).
// y, dy (R,C)  ->  dx (R,C)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> y: array<Storage>;
@group(0) @binding(1) var<storage, read> dy: array<Storage>;
@group(0) @binding(2) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

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
  var own = 0.0;
  for (var c = lane; c < C; c += LANES) {
    own += f32(dy[start + c]) * f32(y[start + c]);
  }
  let dot = row_sum(vec2f(own, 0.0), index, LANES).x;
  for (var c = lane; c < C; c += LANES) {
    dx[start + c] = Storage(f32(y[start + c]) * (f32(dy[start + c]) - dot));
  }
}
