// matmul_shared: y = a b (+ bias) (+ residual) (+ y), through workgroup memory, for GPUs; slow where a barrier is (software adapters).
// a (B,M,K) and b (B,K,N), read through row and column strides  ->  y (B,M,N), or (PARTS,B,M,N) in parts over k for matmul_sum
// grid: tiles of 64 columns x 64 rows, one z a part and batch entry. 256 invocations load 16 k of both tiles, each four
// elements of each, and compute 4 rows x 4 columns of the result. Neighbouring invocations load along the axis that is stored
// without gaps. A row of a tile is 17 vec4, not 16: writes along k then fall into different banks of the memory.
// Sums run over k in order, in f32. Loads outside are clamped to the last row and column, k outside count as zero.
// With HAS_SUMS, also the sums of b's columns (+ sums), from the tiles that the first row of workgroups loads anyway.
// Source: tiling through shared memory, CUDA C++ Programming Guide, chapter "Shared Memory".
// optional: bias, residual, sums

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  b_row: u32, b_col: u32,
  BATCH: u32,
  K_PART: u32,
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
const STEP = 16u;
const PITCH = 17u;

var<workgroup> tile_a: array<vec4f, 272>;
var<workgroup> tile_b: array<vec4f, 272>;

fn a_at(at: vec4u) -> vec4f {
  return vec4f(f32(a[at.x]), f32(a[at.y]), f32(a[at.z]), f32(a[at.w]));
}

fn b_at(at: vec4u) -> vec4f {
  return vec4f(f32(b[at.x]), f32(b[at.y]), f32(b[at.z]), f32(b[at.w]));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = group.z / sizes.BATCH;
  let entry = group.z % sizes.BATCH;
  let four = vec4u(0u, 1u, 2u, 3u);
  let outer = lane / 16u;
  let inner = lane % 16u;

  // The element of each tile that this invocation loads: four rows or columns at one k.
  let a_along_k = sizes.a_col == 1u;
  let a_quad = select(inner, outer, a_along_k);
  let a_k = select(outer, inner, a_along_k);
  let b_along_k = sizes.b_row == 1u;
  let b_quad = select(inner, outer, b_along_k);
  let b_k = select(outer, inner, b_along_k);
  let a_rows = min(vec4u(group.y * 64u + 4u * a_quad) + four, vec4u(sizes.M - 1u));
  let b_cols = min(vec4u(group.x * 64u + 4u * b_quad) + four, vec4u(sizes.N - 1u));
  let a_start = vec4u(entry * sizes.M * sizes.K) + a_rows * sizes.a_row;
  let b_start = vec4u(entry * sizes.K * sizes.N) + b_cols * sizes.b_col;

  let sums_here = sizes.HAS_SUMS == 1u && group.y == 0u && outer == 0u;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var total = vec4f();
  let first = part * sizes.K_PART;
  let end = min(first + sizes.K_PART, sizes.K);
  for (var k = first; k < end; k += STEP) {
    var next_a = vec4f();
    var next_b = vec4f();
    if (k + a_k < end) {
      next_a = a_at(a_start + (k + a_k) * sizes.a_col);
    }
    if (k + b_k < end) {
      next_b = b_at(b_start + (k + b_k) * sizes.b_row);
    }
    tile_a[a_k * PITCH + a_quad] = next_a;
    tile_b[b_k * PITCH + b_quad] = next_b;
    workgroupBarrier();
    for (var i = 0u; i < STEP; i++) {
      let x = tile_a[i * PITCH + outer];
      let v = tile_b[i * PITCH + inner];
      s0 += x.x * v;
      s1 += x.y * v;
      s2 += x.z * v;
      s3 += x.w * v;
    }
    if (sums_here) {
      for (var i = 0u; i < STEP; i++) {
        total += tile_b[i * PITCH + inner];
      }
    }
    workgroupBarrier();
  }

  let row = group.y * 64u + 4u * outer;
  let col = group.x * 64u + 4u * inner;
  var tile = array<vec4f, 4>(s0, s1, s2, s3);
  for (var r = 0u; r < 4u && row + r < sizes.M; r++) {
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
  if (sums_here) {
    for (var j = 0u; j < 4u && col + j < sizes.N; j++) {
      let at = part * sizes.N + col + j;
      var value = total[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[at];
      }
      sums[at] = value;
    }
  }
}
