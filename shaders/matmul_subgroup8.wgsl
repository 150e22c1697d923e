// matmul_subgroup8: y = a b (+ bias) (+ residual) (+ y), for adapters whose subgroups have exactly eight lanes; wrong on any other.
// a (B,M,K) through row and column strides, b (B,K,COLUMNS vec4): rows of N elements and padding  ->  y (B,M,N)
// grid: tiles of 64 columns x 16 rows, one z a batch entry. A workgroup is one subgroup; a lane computes 16 rows x 8 columns.
// On a software adapter a load costs far more than a multiplication: each lane loads one row's element of a for every 8
// rows, and the subgroup passes them round by broadcast; b comes as vec4. A step takes two k, because what a loop carries from
// step to step costs as much as a multiplication: lanes that left the loop must keep theirs. Sums run over k in order, in f32.
// The sums are variables, written out, and no array in a loop over rows: that is what lavapipe compiles for 10 s and more.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// optional: bias, residual, sums
enable subgroups;

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  COLUMNS: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;
const TILE_Y = 16;

fn bias_at(col: u32) -> vec4f {
  let n = min(vec4u(col * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.N - 1u));
  return vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
}

fn finish(row: u32, col: u32, batch: u32, sum: vec4f) {
  let at = (batch * sizes.M + row) * sizes.N + col * 4u;
  let here = min(4u, max(sizes.N, col * 4u) - col * 4u);
  // Written out for whole vectors: lanes of a loop cost more than its instructions.
  if (here == 4u) {
    var value = sum;
    if (sizes.HAS_RESIDUAL == 1u) {
      value += vec4f(f32(residual[at]), f32(residual[at + 1u]), f32(residual[at + 2u]), f32(residual[at + 3u]));
    }
    if (sizes.ACCUMULATE == 1u) {
      value += vec4f(f32(y[at]), f32(y[at + 1u]), f32(y[at + 2u]), f32(y[at + 3u]));
    }
    y[at] = Result(value.x);
    y[at + 1u] = Result(value.y);
    y[at + 2u] = Result(value.z);
    y[at + 3u] = Result(value.w);
  } else {
    for (var j = 0u; j < here; j++) {
      var value = sum[j];
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[at + j]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[at + j]);
      }
      y[at + j] = Result(value);
    }
  }
}

fn finish_sums(col: u32, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    let n = col * 4u + j;
    if (n < sizes.N) {
      var value = sum[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[n];
      }
      sums[n] = value;
    }
  }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 16u;
  let columns = sizes.COLUMNS;
  let col_l = group.x * 16u + lane;
  let col_r = col_l + 8u;
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  var b_l = batch * sizes.K * columns + min(col_l, columns - 1u);
  var b_r = batch * sizes.K * columns + min(col_r, columns - 1u);
  var a0 = a_start + min(row + lane, last_row) * sizes.a_row;
  var a1 = a_start + min(row + lane + 8u, last_row) * sizes.a_row;
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
  var s8_l = vec4f();
  var s8_r = vec4f();
  var s9_l = vec4f();
  var s9_r = vec4f();
  var s10_l = vec4f();
  var s10_r = vec4f();
  var s11_l = vec4f();
  var s11_r = vec4f();
  var s12_l = vec4f();
  var s12_r = vec4f();
  var s13_l = vec4f();
  var s13_r = vec4f();
  var s14_l = vec4f();
  var s14_r = vec4f();
  var s15_l = vec4f();
  var s15_r = vec4f();
  for (var k = 0u; k < sizes.K; k += 2u) {
    // The last step of an odd K takes its one row of b twice, the second time by zero.
    let both = k + 1u < sizes.K;
    let a_next = select(0u, sizes.a_col, both);
    let b_next = select(0u, columns, both);
    let p0 = f32(a[a0]);
    let q0 = select(0.0, f32(a[a0 + a_next]), both);
    let p1 = f32(a[a1]);
    let q1 = select(0.0, f32(a[a1 + a_next]), both);
    let v_l = vec4f(b[b_l]);
    let v_r = vec4f(b[b_r]);
    let w_l = vec4f(b[b_l + b_next]);
    let w_r = vec4f(b[b_r + b_next]);
    let x0 = subgroupBroadcast(p0, 0u);
    let z0 = subgroupBroadcast(q0, 0u);
    s0_l = s0_l + x0 * v_l + z0 * w_l;
    s0_r = s0_r + x0 * v_r + z0 * w_r;
    let x1 = subgroupBroadcast(p0, 1u);
    let z1 = subgroupBroadcast(q0, 1u);
    s1_l = s1_l + x1 * v_l + z1 * w_l;
    s1_r = s1_r + x1 * v_r + z1 * w_r;
    let x2 = subgroupBroadcast(p0, 2u);
    let z2 = subgroupBroadcast(q0, 2u);
    s2_l = s2_l + x2 * v_l + z2 * w_l;
    s2_r = s2_r + x2 * v_r + z2 * w_r;
    let x3 = subgroupBroadcast(p0, 3u);
    let z3 = subgroupBroadcast(q0, 3u);
    s3_l = s3_l + x3 * v_l + z3 * w_l;
    s3_r = s3_r + x3 * v_r + z3 * w_r;
    let x4 = subgroupBroadcast(p0, 4u);
    let z4 = subgroupBroadcast(q0, 4u);
    s4_l = s4_l + x4 * v_l + z4 * w_l;
    s4_r = s4_r + x4 * v_r + z4 * w_r;
    let x5 = subgroupBroadcast(p0, 5u);
    let z5 = subgroupBroadcast(q0, 5u);
    s5_l = s5_l + x5 * v_l + z5 * w_l;
    s5_r = s5_r + x5 * v_r + z5 * w_r;
    let x6 = subgroupBroadcast(p0, 6u);
    let z6 = subgroupBroadcast(q0, 6u);
    s6_l = s6_l + x6 * v_l + z6 * w_l;
    s6_r = s6_r + x6 * v_r + z6 * w_r;
    let x7 = subgroupBroadcast(p0, 7u);
    let z7 = subgroupBroadcast(q0, 7u);
    s7_l = s7_l + x7 * v_l + z7 * w_l;
    s7_r = s7_r + x7 * v_r + z7 * w_r;
    let x8 = subgroupBroadcast(p1, 0u);
    let z8 = subgroupBroadcast(q1, 0u);
    s8_l = s8_l + x8 * v_l + z8 * w_l;
    s8_r = s8_r + x8 * v_r + z8 * w_r;
    let x9 = subgroupBroadcast(p1, 1u);
    let z9 = subgroupBroadcast(q1, 1u);
    s9_l = s9_l + x9 * v_l + z9 * w_l;
    s9_r = s9_r + x9 * v_r + z9 * w_r;
    let x10 = subgroupBroadcast(p1, 2u);
    let z10 = subgroupBroadcast(q1, 2u);
    s10_l = s10_l + x10 * v_l + z10 * w_l;
    s10_r = s10_r + x10 * v_r + z10 * w_r;
    let x11 = subgroupBroadcast(p1, 3u);
    let z11 = subgroupBroadcast(q1, 3u);
    s11_l = s11_l + x11 * v_l + z11 * w_l;
    s11_r = s11_r + x11 * v_r + z11 * w_r;
    let x12 = subgroupBroadcast(p1, 4u);
    let z12 = subgroupBroadcast(q1, 4u);
    s12_l = s12_l + x12 * v_l + z12 * w_l;
    s12_r = s12_r + x12 * v_r + z12 * w_r;
    let x13 = subgroupBroadcast(p1, 5u);
    let z13 = subgroupBroadcast(q1, 5u);
    s13_l = s13_l + x13 * v_l + z13 * w_l;
    s13_r = s13_r + x13 * v_r + z13 * w_r;
    let x14 = subgroupBroadcast(p1, 6u);
    let z14 = subgroupBroadcast(q1, 6u);
    s14_l = s14_l + x14 * v_l + z14 * w_l;
    s14_r = s14_r + x14 * v_r + z14 * w_r;
    let x15 = subgroupBroadcast(p1, 7u);
    let z15 = subgroupBroadcast(q1, 7u);
    s15_l = s15_l + x15 * v_l + z15 * w_l;
    s15_r = s15_r + x15 * v_r + z15 * w_r;
    a0 += 2u * sizes.a_col;
    a1 += 2u * sizes.a_col;
    b_l += 2u * columns;
    b_r += 2u * columns;
  }
  var bias_l = vec4f();
  var bias_r = vec4f();
  if (sizes.HAS_BIAS == 1u) {
    bias_l = bias_at(col_l);
    bias_r = bias_at(col_r);
  }
  // A loop, because a compiler takes long over what each of 32 stores may have to add.
  var tile = array<vec4f, 32>(
    s0_l, s0_r, s1_l, s1_r, s2_l, s2_r, s3_l, s3_r,
    s4_l, s4_r, s5_l, s5_r, s6_l, s6_r, s7_l, s7_r,
    s8_l, s8_r, s9_l, s9_r, s10_l, s10_r, s11_l, s11_r,
    s12_l, s12_r, s13_l, s13_r, s14_l, s14_r, s15_l, s15_r,
  );
  for (var r = 0u; r < min(16u, sizes.M - row); r++) {
    finish(row + r, col_l, batch, tile[2u * r] + bias_l);
    finish(row + r, col_r, batch, tile[2u * r + 1u] + bias_r);
  }
  if (sizes.HAS_SUMS == 1u && group.y == 0u) {
    b_l = min(col_l, columns - 1u);
    b_r = min(col_r, columns - 1u);
    s0_l = vec4f();
    s0_r = vec4f();
    for (var k = 0u; k < sizes.K; k++) {
      s0_l += vec4f(b[b_l]);
      s0_r += vec4f(b[b_r]);
      b_l += columns;
      b_r += columns;
    }
    finish_sums(col_l, s0_l);
    finish_sums(col_r, s0_r);
  }
}
