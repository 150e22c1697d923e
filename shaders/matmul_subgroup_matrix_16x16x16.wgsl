// matmul_subgroup_matrix_16x16x16: y = a b (+ bias) (+ residual) (+ y), by products of 16 x 16 blocks over 16 k in hardware, for adapters
// that offer them with sums in f32. Its files differ in three numbers, which WGSL wants as constants.
// a (B,M,K) or (B,K,M), b (B,K,N) or (B,N,K), whole blocks of each  ->  y (B,M,N)
// grid: tiles of 64 columns x 64 rows, one z a batch entry. A tile is four strips of 16 rows; a subgroup, of whatever size up to
// 128, takes some of them, reads their blocks from storage, and leaves the result in workgroup memory. Then all store it.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// Source: proposals/subgroup-matrix.md of gpuweb, and Dawn's docs/dawn/features/subgroup_matrix.md.
// optional: bias, residual, sums
enable chromium_experimental_subgroup_matrix;
enable subgroups;
// Strips are uniform in a subgroup, which the analysis cannot see.
diagnostic(off, chromium.subgroup_matrix_uniformity);

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  A_TRANSPOSED: u32,
  B_TRANSPOSED: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;
const TILE_Y = 64;
const BLOCK_M = 16u;
const BLOCK_N = 16u;
const BLOCK_K = 16u;
const DOWN = 16u / BLOCK_M;
const ACROSS = 64u / BLOCK_N;

alias Left = subgroup_matrix_left<Storage, BLOCK_K, BLOCK_M>;
alias Right = subgroup_matrix_right<Storage, BLOCK_N, BLOCK_K>;
alias Sum = subgroup_matrix_result<f32, BLOCK_N, BLOCK_M>;

var<workgroup> tile: array<f32, 4096>;

fn left_at(start: u32, row: u32, k: u32) -> Left {
  if (sizes.A_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Left, col_major>(&a, start + k * sizes.M + row, sizes.M);
  }
  return subgroupMatrixLoad<Left, row_major>(&a, start + row * sizes.K + k, sizes.K);
}

fn right_at(start: u32, k: u32, col: u32) -> Right {
  if (sizes.B_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Right, col_major>(&b, start + col * sizes.K + k, sizes.K);
  }
  return subgroupMatrixLoad<Right, row_major>(&b, start + k * sizes.N + col, sizes.N);
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(num_subgroups) subgroups: u32,
) {
  let a_start = group.z * sizes.M * sizes.K;
  let b_start = group.z * sizes.K * sizes.N;
  for (var strip = subgroup; strip < 4u; strip += subgroups) {
    let row = group.y * 64u + strip * 16u;
    var sum: array<Sum, DOWN * ACROSS>;
    for (var k = 0u; k < sizes.K; k += BLOCK_K) {
      var left: array<Left, DOWN>;
      for (var i = 0u; i < DOWN; i++) {
        if (row + i * BLOCK_M < sizes.M) {
          left[i] = left_at(a_start, row + i * BLOCK_M, k);
        }
      }
      for (var j = 0u; j < ACROSS; j++) {
        let col = group.x * 64u + j * BLOCK_N;
        if (col < sizes.N) {
          let right = right_at(b_start, k, col);
          for (var i = 0u; i < DOWN; i++) {
            sum[i * ACROSS + j] = subgroupMatrixMultiplyAccumulate(left[i], right, sum[i * ACROSS + j]);
          }
        }
      }
    }
    for (var i = 0u; i < DOWN; i++) {
      for (var j = 0u; j < ACROSS; j++) {
        let at = (strip * 16u + i * BLOCK_M) * 64u + j * BLOCK_N;
        subgroupMatrixStore<row_major>(&tile, at, sum[i * ACROSS + j], 64u);
      }
    }
  }
  workgroupBarrier();

  let col = group.x * 64u + lane % 64u;
  if (col >= sizes.N) {
    return;
  }
  for (var r = lane / 64u; r < 64u && group.y * 64u + r < sizes.M; r += 2u) {
    let at = (group.z * sizes.M + group.y * 64u + r) * sizes.N + col;
    var value = tile[r * 64u + lane % 64u];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[col];
    }
    if (sizes.HAS_RESIDUAL == 1u) {
      value += f32(residual[at]);
    }
    if (sizes.ACCUMULATE == 1u) {
      value += f32(y[at]);
    }
    y[at] = Result(value);
  }
  if (sizes.HAS_SUMS == 1u && group.y == 0u && lane < 64u) {
    let start = select(col, col * sizes.K, sizes.B_TRANSPOSED == 1u);
    let step = select(sizes.N, 1u, sizes.B_TRANSPOSED == 1u);
    var total = 0.0;
    for (var k = 0u; k < sizes.K; k++) {
      total += f32(b[start + k * step]);
    }
    if (sizes.ACCUMULATE_SUMS == 1u) {
      total += sums[col];
    }
    sums[col] = total;
  }
}
