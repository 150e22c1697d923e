// matmul: y = a b (+ bias) (+ residual) (+ y), the portable form for every stored layout.
// a (B,M,K) and b (B,K,N), read through row and column strides  ->  y (B,M,N)
// grid: tiles of 32 columns x 32 rows, one z a batch entry. A workgroup is 4 x 4 invocations; one computes 8 rows x 8
// columns, because loads cost more than multiplications: 16 loads serve 64. Its columns lie 4 apart, so that neighbouring
// invocations read neighbouring elements of b.
// Sums run over k in order, in f32. Loads outside are clamped to the last row and column, stores are guarded.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// optional: bias, residual, sums

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  b_row: u32, b_col: u32,
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

const TILE_X = 32;
const TILE_Y = 32;

fn b_at(at: vec4u) -> vec4f {
  return vec4f(f32(b[at.x]), f32(b[at.y]), f32(b[at.z]), f32(b[at.w]));
}

fn bias_at(col: vec4u) -> vec4f {
  let n = min(col, vec4u(sizes.N - 1u));
  return vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
}

fn finish(row: u32, col: vec4u, batch: u32, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    if (col[j] < sizes.N) {
      let at = (batch * sizes.M + row) * sizes.N + col[j];
      var value = sum[j];
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[at]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[at]);
      }
      y[at] = Result(value);
    }
  }
}

fn finish_sums(col: vec4u, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    if (col[j] < sizes.N) {
      var value = sum[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[col[j]];
      }
      sums[col[j]] = value;
    }
  }
}

@compute @workgroup_size(4, 4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let row = group.y * 32u + lane.y * 8u;
  let col_l = vec4u(group.x * 32u + lane.x) + vec4u(0u, 4u, 8u, 12u);
  let col_r = col_l + 16u;
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  let b_start = batch * sizes.K * sizes.N;
  var a0 = a_start + min(row + 0u, last_row) * sizes.a_row;
  var a1 = a_start + min(row + 1u, last_row) * sizes.a_row;
  var a2 = a_start + min(row + 2u, last_row) * sizes.a_row;
  var a3 = a_start + min(row + 3u, last_row) * sizes.a_row;
  var a4 = a_start + min(row + 4u, last_row) * sizes.a_row;
  var a5 = a_start + min(row + 5u, last_row) * sizes.a_row;
  var a6 = a_start + min(row + 6u, last_row) * sizes.a_row;
  var a7 = a_start + min(row + 7u, last_row) * sizes.a_row;
  var b_l = b_start + min(col_l, vec4u(sizes.N - 1u)) * sizes.b_col;
  var b_r = b_start + min(col_r, vec4u(sizes.N - 1u)) * sizes.b_col;
  var s0_l = vec4f();
  var s0_r = vec4f();
  var s1_l = vec4f();
  var s1_r = vec4f();
  var s2_l = vec4f();
  var s2_r = vec4f();
  var s3_l = vec4f();
  var s3_r = vec4f();
  var s4_l = vec4f();
  var s4_r = vec4f();
  var s5_l = vec4f();
  var s5_r = vec4f();
  var s6_l = vec4f();
  var s6_r = vec4f();
  var s7_l = vec4f();
  var s7_r = vec4f();
  for (var k = 0u; k < sizes.K; k++) {
    let v_l = b_at(b_l);
    let v_r = b_at(b_r);
    let x0 = f32(a[a0]);
    s0_l += x0 * v_l;
    s0_r += x0 * v_r;
    let x1 = f32(a[a1]);
    s1_l += x1 * v_l;
    s1_r += x1 * v_r;
    let x2 = f32(a[a2]);
    s2_l += x2 * v_l;
    s2_r += x2 * v_r;
    let x3 = f32(a[a3]);
    s3_l += x3 * v_l;
    s3_r += x3 * v_r;
    let x4 = f32(a[a4]);
    s4_l += x4 * v_l;
    s4_r += x4 * v_r;
    let x5 = f32(a[a5]);
    s5_l += x5 * v_l;
    s5_r += x5 * v_r;
    let x6 = f32(a[a6]);
    s6_l += x6 * v_l;
    s6_r += x6 * v_r;
    let x7 = f32(a[a7]);
    s7_l += x7 * v_l;
    s7_r += x7 * v_r;
    a0 += sizes.a_col;
    a1 += sizes.a_col;
    a2 += sizes.a_col;
    a3 += sizes.a_col;
    a4 += sizes.a_col;
    a5 += sizes.a_col;
    a6 += sizes.a_col;
    a7 += sizes.a_col;
    b_l += vec4u(sizes.b_row);
    b_r += vec4u(sizes.b_row);
  }
  var bias_l = vec4f();
  var bias_r = vec4f();
  if (sizes.HAS_BIAS == 1u) {
    bias_l = bias_at(col_l);
    bias_r = bias_at(col_r);
  }
  // A loop, because a compiler takes long over what each of 16 stores may have to add.
  var tile = array<vec4f, 16>(
    s0_l, s0_r, s1_l, s1_r, s2_l, s2_r, s3_l, s3_r,
    s4_l, s4_r, s5_l, s5_r, s6_l, s6_r, s7_l, s7_r,
  );
  for (var r = 0u; r < 8u && row + r < sizes.M; r++) {
    finish(row + r, col_l, batch, tile[2u * r] + bias_l);
    finish(row + r, col_r, batch, tile[2u * r + 1u] + bias_r);
  }
  if (sizes.HAS_SUMS == 1u && row == 0u) {
    b_l = min(col_l, vec4u(sizes.N - 1u)) * sizes.b_col;
    b_r = min(col_r, vec4u(sizes.N - 1u)) * sizes.b_col;
    s0_l = vec4f();
    s0_r = vec4f();
    for (var k = 0u; k < sizes.K; k++) {
      s0_l += b_at(b_l);
      s0_r += b_at(b_r);
      b_l += vec4u(sizes.b_row);
      b_r += vec4u(sizes.b_row);
    }
    finish_sums(col_l, s0_l);
    finish_sums(col_r, s0_r);
  }
}
