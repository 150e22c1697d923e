// layernorm_backward_params_workgroup: as layernorm_backward_params, for GPUs; slow where a barrier is (software adapters).
// x, dy (R,C)  mean, rstd (R)  ->  dweight, dbias (parts,C); part p has `chunk` rows from p * chunk, and one part has all
// grid: one workgroup 32 neighbouring columns of a part; 8 invocations take turns at the rows of each and meet in workgroup memory.
// lib: column_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 32;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let column = group.x * 32u + index % 32u;
  let lane = index / 32u;
  let part = group.y;
  let end = min((part + 1u) * sizes.chunk, sizes.R);
  var own = vec2f();
  if (column < sizes.C) {
    for (var row = part * sizes.chunk + lane; row < end; row += 8u) {
      let at = row * sizes.C + column;
      let g = f32(dy[at]);
      own += vec2f(g * ((f32(x[at]) - mean[row]) * rstd[row]), g);
    }
  }
  let sums = column_sum(own, index);
  if (lane == 0u && column < sizes.C) {
    dweight[part * sizes.C + column] = sums.x;
    dbias[part * sizes.C + column] = sums.y;
  }
}
