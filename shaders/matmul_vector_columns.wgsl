// matmul_vector_columns: products of a few rows of a with b stored (K,N), as decoding asks for where an adapter runs on the CPU.
// y = a b (+ bias) (+ residual) (+ y).     a (M,K), M at most 4  b (K,N)  ->  y (M,N)     N a multiple of 4
// grid: one invocation 8 columns, in two vec4s of b, so that neighbouring lanes read neighbouring vec4s. Sums run over k in order, in f32.
// lib: fold
// optional: bias, residual

alias Storage = f32;
alias Result = f32;

struct Sizes { M: u32, N: u32, K: u32, HAS_BIAS: u32, HAS_RESIDUAL: u32, ACCUMULATE: u32 }

// M, known to the compiler: rows that are not there cost nothing.
override ROWS: u32 = 4;

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<Result>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

// `col` counts vec4s.
fn store(row: u32, col: u32, sum: vec4f) {
  let at = row * (sizes.N / 4u) + col;
  var value = sum;
  if (sizes.HAS_BIAS == 1u) {
    value += bias[col];
  }
  if (sizes.HAS_RESIDUAL == 1u) {
    value += vec4f(residual[at]);
  }
  if (sizes.ACCUMULATE == 1u) {
    value += vec4f(y[at]);
  }
  y[at] = vec4<Result>(value);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let columns = sizes.N / 4u;
  let first = folded(group, groups) * 16u + lane;
  let second = first + 8u;
  var at0 = min(first, columns - 1u);
  var at1 = min(second, columns - 1u);
  var s0 = vec4f();
  var s1 = vec4f();
  var t0 = vec4f();
  var t1 = vec4f();
  var u0 = vec4f();
  var u1 = vec4f();
  var v0 = vec4f();
  var v1 = vec4f();
  for (var k = 0u; k < sizes.K; k++) {
    let p = vec4f(b[at0]);
    let q = vec4f(b[at1]);
    let x = f32(a[k]);
    s0 += x * p;
    s1 += x * q;
    if (ROWS > 1u) {
      let x1 = f32(a[sizes.K + k]);
      t0 += x1 * p;
      t1 += x1 * q;
    }
    if (ROWS > 2u) {
      let x2 = f32(a[2u * sizes.K + k]);
      u0 += x2 * p;
      u1 += x2 * q;
    }
    if (ROWS > 3u) {
      let x3 = f32(a[3u * sizes.K + k]);
      v0 += x3 * p;
      v1 += x3 * q;
    }
    at0 += columns;
    at1 += columns;
  }
  if (first < columns) {
    store(0u, first, s0);
    if (ROWS > 1u) { store(1u, first, t0); }
    if (ROWS > 2u) { store(2u, first, u0); }
    if (ROWS > 3u) { store(3u, first, v0); }
  }
  if (second < columns) {
    store(0u, second, s1);
    if (ROWS > 1u) { store(1u, second, t1); }
    if (ROWS > 2u) { store(2u, second, u1); }
    if (ROWS > 3u) { store(3u, second, v1); }
  }
}
