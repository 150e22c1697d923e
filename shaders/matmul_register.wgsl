// matmul_register: y = a b (+ bias) (+ residual) (+ y), by vec4 loads into registers alone, for GPUs whose cache serves neighbours well.
// a (B,M,K) or (B,K,M), b (B,K,N) or (B,N,K), the stored last axis of each and K divisible by four  ->  y (B,M,N)
// grid: tiles of 32 columns x 64 rows, one z a batch entry. A workgroup is 8 x 8 invocations; one computes 8 rows x 4 columns,
// four k at once: 12 loads serve 128 multiplications. A block that is stored the other way is transposed in registers.
// Sums run over k in f32, four at once, always in the same order. Loads outside are clamped to the last row and column,
// stores are guarded. With HAS_SUMS, also the sums of b's columns (+ sums): the first row of invocations reads b again.
// optional: bias, residual, sums

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

@group(0) @binding(0) var<storage, read> a: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 32;
const TILE_Y = 64;

// Four rows of a at four k: a vector a row. `start` in vec4.
fn block_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if (sizes.A_TRANSPOSED == 1u) {
    let step = sizes.M / 4u;
    let at = start + k * step + min(row / 4u, step - 1u);
    return transpose(mat4x4f(vec4f(a[at]), vec4f(a[at + step]), vec4f(a[at + 2u * step]), vec4f(a[at + 3u * step])));
  }
  let at = vec4u(start + k / 4u) + min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.M - 1u)) * (sizes.K / 4u);
  return mat4x4f(vec4f(a[at.x]), vec4f(a[at.y]), vec4f(a[at.z]), vec4f(a[at.w]));
}

// Four k of b at four columns: a vector a k. `start` in vec4.
fn block_b(start: u32, col: u32, k: u32) -> mat4x4f {
  if (sizes.B_TRANSPOSED == 1u) {
    let at = vec4u(start + k / 4u) + min(vec4u(col) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.N - 1u)) * (sizes.K / 4u);
    return transpose(mat4x4f(vec4f(b[at.x]), vec4f(b[at.y]), vec4f(b[at.z]), vec4f(b[at.w])));
  }
  let step = sizes.N / 4u;
  let at = start + k * step + min(col / 4u, step - 1u);
  return mat4x4f(vec4f(b[at]), vec4f(b[at + step]), vec4f(b[at + 2u * step]), vec4f(b[at + 3u * step]));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let row = group.y * 64u + lane.y * 8u;
  let col = group.x * 32u + lane.x * 4u;
  let a_start = group.z * sizes.M * sizes.K / 4u;
  let b_start = group.z * sizes.K * sizes.N / 4u;
  var upper = mat4x4f();
  var lower = mat4x4f();
  for (var k = 0u; k < sizes.K; k += 4u) {
    // A vector of `upper` is a row of the result: (k by column) times (a's row over k).
    let v = block_b(b_start, col, k);
    upper += v * block_a(a_start, row, k);
    lower += v * block_a(a_start, row + 4u, k);
  }
  var tile = array<vec4f, 8>(upper[0], upper[1], upper[2], upper[3], lower[0], lower[1], lower[2], lower[3]);
  for (var r = 0u; r < 8u && row + r < sizes.M; r++) {
    let start = (group.z * sizes.M + row + r) * sizes.N;
    for (var j = 0u; j < 4u && col + j < sizes.N; j++) {
      let at = start + col + j;
      var value = tile[r][j];
      if (sizes.HAS_BIAS == 1u) {
        value += bias[col + j];
      }
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[at]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[at]);
      }
      y[at] = Result(value);
    }
  }
  if (sizes.HAS_SUMS == 1u && row == 0u) {
    var total = vec4f();
    for (var k = 0u; k < sizes.K; k += 4u) {
      let v = block_b(b_start, col, k);
      total += v[0];
      total += v[1];
      total += v[2];
      total += v[3];
    }
    for (var j = 0u; j < 4u && col + j < sizes.N; j++) {
      var value = total[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[col + j];
      }
      sums[col + j] = value;
    }
  }
}
