// rmsnorm_backward_weight_workgroup: as rmsnorm_backward_weight, for GPUs; slow where a barrier is (software adapters).
// x, dy (R,C)  rstd (R)  ->  dweight (parts,C); part p has `chunk` rows from p * chunk, and one part has all
// grid: one workgroup 32 neighbouring columns of a part; 8 invocations take turns at the rows of each and meet in workgroup memory.
// lib: column_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> rstd: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<Storage>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 32;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let column = group.x * 32u + index % 32u;
  let lane = index / 32u;
  let part = group.y;
  let end = min((part + 1u) * sizes.chunk, sizes.R);
  var own = 0.0;
  if (column < sizes.C) {
    for (var row = part * sizes.chunk + lane; row < end; row += 8u) {
      let at = row * sizes.C + column;
      own += f32(dy[at]) * (f32(x[at]) * rstd[row]);
    }
  }
  let sum_gx = column_sum(vec2f(own, 0.0), index).x;
  if (lane == 0u && column < sizes.C) {
    dweight[part * sizes.C + column] = sum_gx;
  }
}
