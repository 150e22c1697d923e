// matmul_subgroup4: y = a b (+ bias) (+ y), for adapters whose subgroups have exactly four lanes; wrong on any other.
// a (B,M,K) through row and column strides, b (B,K,COLUMNS vec4): rows of N elements and padding  ->  y (B,M,N)
// grid: tiles of 32 columns x 16 rows, one z a batch entry. A workgroup is one subgroup; a lane computes 16 rows x 8 columns.
// On a software adapter a load costs far more than a multiplication: each lane loads one row's element of a for every 4
// rows, and the subgroup passes them round by broadcast; b comes as vec4. Sums run over k in order, in f32.
// optional: bias
enable subgroups;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  COLUMNS: u32,
  HAS_BIAS: u32,
  ACCUMULATE: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 32;
const TILE_Y = 16;

fn finish(row: u32, col: u32, batch: u32, sum: vec4f) {
  if (row >= sizes.M) {
    return;
  }
  let start = (batch * sizes.M + row) * sizes.N;
  for (var j = 0u; j < 4u; j++) {
    let n = col * 4u + j;
    if (n < sizes.N) {
      var value = sum[j];
      if (sizes.HAS_BIAS == 1u) {
        value += bias[n];
      }
      if (sizes.ACCUMULATE == 1u) {
        value += y[start + n];
      }
      y[start + n] = value;
    }
  }
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 16u;
  let columns = sizes.COLUMNS;
  let col_l = group.x * 8u + lane;
  let col_r = col_l + 4u;
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  var b_l = batch * sizes.K * columns + min(col_l, columns - 1u);
  var b_r = batch * sizes.K * columns + min(col_r, columns - 1u);
  var a0 = a_start + min(row + lane, last_row) * sizes.a_row;
  var a1 = a_start + min(row + lane + 4u, last_row) * sizes.a_row;
  var a2 = a_start + min(row + lane + 8u, last_row) * sizes.a_row;
  var a3 = a_start + min(row + lane + 12u, last_row) * sizes.a_row;
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
  for (var k = 0u; k < sizes.K; k++) {
    let w0 = a[a0];
    let w1 = a[a1];
    let w2 = a[a2];
    let w3 = a[a3];
    let v_l = b[b_l];
    let v_r = b[b_r];
    let x0 = subgroupBroadcast(w0, 0u);
    s0_l += x0 * v_l;
    s0_r += x0 * v_r;
    let x1 = subgroupBroadcast(w0, 1u);
    s1_l += x1 * v_l;
    s1_r += x1 * v_r;
    let x2 = subgroupBroadcast(w0, 2u);
    s2_l += x2 * v_l;
    s2_r += x2 * v_r;
    let x3 = subgroupBroadcast(w0, 3u);
    s3_l += x3 * v_l;
    s3_r += x3 * v_r;
    let x4 = subgroupBroadcast(w1, 0u);
    s4_l += x4 * v_l;
    s4_r += x4 * v_r;
    let x5 = subgroupBroadcast(w1, 1u);
    s5_l += x5 * v_l;
    s5_r += x5 * v_r;
    let x6 = subgroupBroadcast(w1, 2u);
    s6_l += x6 * v_l;
    s6_r += x6 * v_r;
    let x7 = subgroupBroadcast(w1, 3u);
    s7_l += x7 * v_l;
    s7_r += x7 * v_r;
    let x8 = subgroupBroadcast(w2, 0u);
    s8_l += x8 * v_l;
    s8_r += x8 * v_r;
    let x9 = subgroupBroadcast(w2, 1u);
    s9_l += x9 * v_l;
    s9_r += x9 * v_r;
    let x10 = subgroupBroadcast(w2, 2u);
    s10_l += x10 * v_l;
    s10_r += x10 * v_r;
    let x11 = subgroupBroadcast(w2, 3u);
    s11_l += x11 * v_l;
    s11_r += x11 * v_r;
    let x12 = subgroupBroadcast(w3, 0u);
    s12_l += x12 * v_l;
    s12_r += x12 * v_r;
    let x13 = subgroupBroadcast(w3, 1u);
    s13_l += x13 * v_l;
    s13_r += x13 * v_r;
    let x14 = subgroupBroadcast(w3, 2u);
    s14_l += x14 * v_l;
    s14_r += x14 * v_r;
    let x15 = subgroupBroadcast(w3, 3u);
    s15_l += x15 * v_l;
    s15_r += x15 * v_r;
    a0 += sizes.a_col;
    a1 += sizes.a_col;
    a2 += sizes.a_col;
    a3 += sizes.a_col;
    b_l += columns;
    b_r += columns;
  }
  finish(row, col_l, batch, s0_l);
  finish(row, col_r, batch, s0_r);
  finish(row + 1u, col_l, batch, s1_l);
  finish(row + 1u, col_r, batch, s1_r);
  finish(row + 2u, col_l, batch, s2_l);
  finish(row + 2u, col_r, batch, s2_r);
  finish(row + 3u, col_l, batch, s3_l);
  finish(row + 3u, col_r, batch, s3_r);
  finish(row + 4u, col_l, batch, s4_l);
  finish(row + 4u, col_r, batch, s4_r);
  finish(row + 5u, col_l, batch, s5_l);
  finish(row + 5u, col_r, batch, s5_r);
  finish(row + 6u, col_l, batch, s6_l);
  finish(row + 6u, col_r, batch, s6_r);
  finish(row + 7u, col_l, batch, s7_l);
  finish(row + 7u, col_r, batch, s7_r);
  finish(row + 8u, col_l, batch, s8_l);
  finish(row + 8u, col_r, batch, s8_r);
  finish(row + 9u, col_l, batch, s9_l);
  finish(row + 9u, col_r, batch, s9_r);
  finish(row + 10u, col_l, batch, s10_l);
  finish(row + 10u, col_r, batch, s10_r);
  finish(row + 11u, col_l, batch, s11_l);
  finish(row + 11u, col_r, batch, s11_r);
  finish(row + 12u, col_l, batch, s12_l);
  finish(row + 12u, col_r, batch, s12_r);
  finish(row + 13u, col_l, batch, s13_l);
  finish(row + 13u, col_r, batch, s13_r);
  finish(row + 14u, col_l, batch, s14_l);
  finish(row + 14u, col_r, batch, s14_r);
  finish(row + 15u, col_l, batch, s15_l);
  finish(row + 15u, col_r, batch, s15_r);
}
