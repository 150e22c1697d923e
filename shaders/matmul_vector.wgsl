// matmul_vector: products of a few rows of a with b, in parts over k: what decoding asks for, where b is read once and is all the cost.
// a (M,K) and b (K,N), read through row and column strides, M at most 4  ->  partial (PARTS,M,N), which matmul_sum adds up
// grid: one invocation for 4 columns and every PARTS-th k, folded. ALONG_K tells along which axis b is stored without gaps:
// neighbouring invocations go along that one, so that they read neighbouring elements; the columns of one lie a quarter of N
// apart for the same reason. Sums run over k in order, in f32. Columns outside are clamped to the last, their stores left out.
// lib: fold

alias Storage = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  b_row: u32, b_col: u32,
  QUARTER: u32,
  PARTS: u32,
  ALONG_K: u32,
}

// M, known to the compiler: rows that are not there cost nothing.
override ROWS: u32 = 4;

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn b_at(at: vec4u) -> vec4f {
  return vec4f(f32(b[at.x]), f32(b[at.y]), f32(b[at.z]), f32(b[at.w]));
}

fn store(part: u32, row: u32, col: vec4u, sum: vec4f) {
  let start = (part * sizes.M + row) * sizes.N;
  for (var j = 0u; j < 4u; j++) {
    if (col[j] < sizes.N) {
      partial[start + col[j]] = sum[j];
    }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.QUARTER * sizes.PARTS) {
    return;
  }
  let along_k = sizes.ALONG_K == 1u;
  let first = select(i % sizes.QUARTER, i / sizes.PARTS, along_k);
  let part = select(i / sizes.QUARTER, i % sizes.PARTS, along_k);
  let col = vec4u(first) + vec4u(0u, 1u, 2u, 3u) * sizes.QUARTER;
  var at = min(col, vec4u(sizes.N - 1u)) * sizes.b_col + part * sizes.b_row;
  var a0 = part * sizes.a_col;
  let a_step = sizes.PARTS * sizes.a_col;
  let b_step = vec4u(sizes.PARTS * sizes.b_row);
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  for (var k = part; k < sizes.K; k += sizes.PARTS) {
    let v = b_at(at);
    s0 += f32(a[a0]) * v;
    if (ROWS > 1u) {
      s1 += f32(a[a0 + sizes.a_row]) * v;
    }
    if (ROWS > 2u) {
      s2 += f32(a[a0 + 2u * sizes.a_row]) * v;
    }
    if (ROWS > 3u) {
      s3 += f32(a[a0 + 3u * sizes.a_row]) * v;
    }
    a0 += a_step;
    at += b_step;
  }
  store(part, 0u, col, s0);
  if (ROWS > 1u) {
    store(part, 1u, col, s1);
  }
  if (ROWS > 2u) {
    store(part, 2u, col, s2);
  }
  if (ROWS > 3u) {
    store(part, 3u, col, s3);
  }
}
