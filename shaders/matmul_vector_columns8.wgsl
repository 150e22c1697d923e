// matmul_vector_columns8: a row a times b stored (K,N), as decoding asks for where an adapter runs on the CPU in subgroups of 8, and
// what stands beside such a product in a layer: the norm in front of it, the activation behind it.
// y = act(norm(a) b (+ bias)) (+ residual) (+ y).     a (K)  b (K,N)  ->  y (N)     N a multiple of 4
// norm(a) = (a - mean) * rstd * weight (+ shift), as layernorm has it; each workgroup finds mean and rstd itself.
// grid: one invocation 8 columns, in two vec4s of b, so that neighbouring lanes read neighbouring vec4s. Sums run over k in order, in f32.
// lib: fold, gelu_tanh, gelu_erf, relu, silu
// optional: bias, residual, weight, shift

enable subgroups;
alias Storage = f32;
alias Result = f32;

struct Sizes { N: u32, K: u32, HAS_BIAS: u32, HAS_RESIDUAL: u32, ACCUMULATE: u32, HAS_SHIFT: u32, eps: f32 }

override NORM: u32 = 0;
// 0 none, then in the order of the list of snippets.
override ACTIVATION: u32 = 0;

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read> weight: array<f32>;
@group(0) @binding(5) var<storage, read> shift: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<Result>>;
@group(0) @binding(7) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn activated(x: vec4f) -> vec4f {
  switch (ACTIVATION) {
    case 1u: { return gelu_tanh(x); }
    case 2u: { return gelu_erf(x); }
    case 3u: { return relu(x); }
    case 4u: { return silu(x); }
    default: { return x; }
  }
}

// `col` counts vec4s.
fn store(col: u32, sum: vec4f) {
  var value = sum;
  if (sizes.HAS_BIAS == 1u) {
    value += bias[col];
  }
  value = activated(value);
  if (sizes.HAS_RESIDUAL == 1u) {
    value += vec4f(residual[col]);
  }
  if (sizes.ACCUMULATE == 1u) {
    value += vec4f(y[col]);
  }
  y[col] = vec4<Result>(value);
}

// Mean and 1 / deviation of a, the squares taken from near the mean.
fn moments(lane: u32) -> vec2f {
  let scale = 1.0 / f32(sizes.K);
  var total = 0.0;
  for (var k = lane; k < sizes.K; k += 8u) {
    total += f32(a[k]);
  }
  let rough = subgroupAdd(total) * scale;
  var off = vec2f();
  for (var k = lane; k < sizes.K; k += 8u) {
    let d = f32(a[k]) - rough;
    off += vec2f(d, d * d);
  }
  off = subgroupAdd(off) * scale;
  return vec2f(rough + off.x, inverseSqrt(max(off.y - off.x * off.x, 0.0) + sizes.eps));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let columns = sizes.N / 4u;
  let first = folded(group, groups) * 16u + lane;
  let second = first + 8u;
  var at0 = min(first, columns - 1u);
  var at1 = min(second, columns - 1u);
  var norm = vec2f();
  if (NORM == 1u) {
    norm = moments(lane);
  }
  var s = vec4f();
  var t = vec4f();
  for (var k = 0u; k < sizes.K; k++) {
    var x = f32(a[k]);
    if (NORM == 1u) {
      x = (x - norm.x) * norm.y * weight[k];
      if (sizes.HAS_SHIFT == 1u) {
        x += shift[k];
      }
    }
    s += x * vec4f(b[at0]);
    t += x * vec4f(b[at1]);
    at0 += columns;
    at1 += columns;
  }
  if (first < columns) {
    store(first, s);
  }
  if (second < columns) {
    store(second, t);
  }
}
