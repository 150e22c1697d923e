// matmul_vector_rows: products of a few rows of a with b stored (N,K), as decoding asks for where an adapter runs on the CPU.
// y = a b^T (+ bias) (+ residual) (+ y).     a (M,K), M at most 4  b (N,K)  ->  y (M,N)     K a multiple of 4
// grid: one invocation 2 columns, folded. Each reads its own rows of b from end to end: loads are the cost there, each lane's its own,
// and a longer body of the loop is no faster. Sums run over k in order, four beside each other, in f32.
// lib: fold
// optional: bias, residual

alias Storage = f32;
alias Result = f32;

struct Sizes { M: u32, N: u32, K: u32, HAS_BIAS: u32, HAS_RESIDUAL: u32, ACCUMULATE: u32 }

// M, known to the compiler: rows that are not there cost nothing.
override ROWS: u32 = 4;

@group(0) @binding(0) var<storage, read> a: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 16;

fn store(row: u32, col: u32, sum: vec4f) {
  let at = row * sizes.N + col;
  var value = (sum.x + sum.y) + (sum.z + sum.w);
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

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 16u + lane;
  let second = first + 8u;
  let length = sizes.K / 4u;
  let b0 = min(first, sizes.N - 1u) * length;
  let b1 = min(second, sizes.N - 1u) * length;
  var s0 = vec4f();
  var s1 = vec4f();
  var t0 = vec4f();
  var t1 = vec4f();
  var u0 = vec4f();
  var u1 = vec4f();
  var v0 = vec4f();
  var v1 = vec4f();
  for (var k = 0u; k < length; k++) {
    let p = vec4f(b[b0 + k]);
    let q = vec4f(b[b1 + k]);
    let x = vec4f(a[k]);
    s0 += x * p;
    s1 += x * q;
    if (ROWS > 1u) {
      let x1 = vec4f(a[length + k]);
      t0 += x1 * p;
      t1 += x1 * q;
    }
    if (ROWS > 2u) {
      let x2 = vec4f(a[2u * length + k]);
      u0 += x2 * p;
      u1 += x2 * q;
    }
    if (ROWS > 3u) {
      let x3 = vec4f(a[3u * length + k]);
      v0 += x3 * p;
      v1 += x3 * q;
    }
  }
  if (first < sizes.N) {
    store(0u, first, s0);
    if (ROWS > 1u) { store(1u, first, t0); }
    if (ROWS > 2u) { store(2u, first, u0); }
    if (ROWS > 3u) { store(3u, first, v0); }
  }
  if (second < sizes.N) {
    store(0u, second, s1);
    if (ROWS > 1u) { store(1u, second, t1); }
    if (ROWS > 2u) { store(2u, second, u1); }
    if (ROWS > 3u) { store(3u, second, v1); }
  }
}
