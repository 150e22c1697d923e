// matmul: y = a b (+ bias) (+ y), the portable form for every stored layout.
// a (B,M,K) and b (B,K,N), read through row and column strides  ->  y (B,M,N)
// grid: tiles of 32 columns x 64 rows, one z a batch entry. A workgroup is 8 x 8 invocations; one computes 8 rows x 4
// columns. Its columns lie 8 apart, so that neighbouring invocations read neighbouring elements of b.
// Sums run over k in order, in f32. Loads outside are clamped to the last row and column, stores are guarded.
// optional: bias

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  b_row: u32, b_col: u32,
  HAS_BIAS: u32,
  ACCUMULATE: u32,
}

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 32;
const TILE_Y = 64;

fn finish(row: u32, col: vec4u, batch: u32, sum: vec4f) {
  if (row >= sizes.M) {
    return;
  }
  for (var j = 0u; j < 4u; j++) {
    if (col[j] < sizes.N) {
      let at = (batch * sizes.M + row) * sizes.N + col[j];
      var value = sum[j];
      if (sizes.HAS_BIAS == 1u) {
        value += bias[col[j]];
      }
      if (sizes.ACCUMULATE == 1u) {
        value += y[at];
      }
      y[at] = value;
    }
  }
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let row = group.y * 64u + lane.y * 8u;
  let col = vec4u(group.x * 32u + lane.x) + vec4u(0u, 8u, 16u, 24u);
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  var a0 = a_start + min(row, last_row) * sizes.a_row;
  var a1 = a_start + min(row + 1u, last_row) * sizes.a_row;
  var a2 = a_start + min(row + 2u, last_row) * sizes.a_row;
  var a3 = a_start + min(row + 3u, last_row) * sizes.a_row;
  var a4 = a_start + min(row + 4u, last_row) * sizes.a_row;
  var a5 = a_start + min(row + 5u, last_row) * sizes.a_row;
  var a6 = a_start + min(row + 6u, last_row) * sizes.a_row;
  var a7 = a_start + min(row + 7u, last_row) * sizes.a_row;
  var bk = vec4u(batch * sizes.K * sizes.N) + min(col, vec4u(sizes.N - 1u)) * sizes.b_col;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  for (var k = 0u; k < sizes.K; k++) {
    let bv = vec4f(b[bk.x], b[bk.y], b[bk.z], b[bk.w]);
    s0 += a[a0] * bv;
    s1 += a[a1] * bv;
    s2 += a[a2] * bv;
    s3 += a[a3] * bv;
    s4 += a[a4] * bv;
    s5 += a[a5] * bv;
    s6 += a[a6] * bv;
    s7 += a[a7] * bv;
    a0 += sizes.a_col;
    a1 += sizes.a_col;
    a2 += sizes.a_col;
    a3 += sizes.a_col;
    a4 += sizes.a_col;
    a5 += sizes.a_col;
    a6 += sizes.a_col;
    a7 += sizes.a_col;
    bk += vec4u(sizes.b_row);
  }
  finish(row, col, batch, s0);
  finish(row + 1u, col, batch, s1);
  finish(row + 2u, col, batch, s2);
  finish(row + 3u, col, batch, s3);
  finish(row + 4u, col, batch, s4);
  finish(row + 5u, col, batch, s5);
  finish(row + 6u, col, batch, s6);
  finish(row + 7u, col, batch, s7);
}
