// matmul_vector_rows8: a row a times b stored (N,K), as decoding asks for where an adapter runs on the CPU in subgroups of 8.
// y = a b^T (+ bias) (+ residual) (+ y).     a (K)  b (N,K)  ->  y (N)     K a multiple of 4
// BEST: instead of y the largest of a workgroup's columns and which it is  ->  best (groups,2), as argmax has it.
// grid: one workgroup 64 columns, a subgroup, folded: 4 at a time, each read from end to end by all lanes side by side, as memory has
// it; a load of a serves all 4. Each lane's sums run over k in order, then the lanes' are added.
// lib: fold, ordered
// optional: bias, residual, y, best

enable subgroups;
alias Storage = f32;
alias Result = f32;

struct Sizes { N: u32, K: u32, HAS_BIAS: u32, HAS_RESIDUAL: u32, ACCUMULATE: u32 }

override BEST: u32 = 0;

@group(0) @binding(0) var<storage, read> a: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> best: array<vec2u>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn across(v: vec4f) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = folded(group, groups);
  let first = place * 64u;
  let length = sizes.K / 4u;
  var most = vec2u();
  for (var col = first; col < min(first + 64u, sizes.N); col += 4u) {
    let rows = min(col + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.N - 1u)) * length;
    var s = vec4f();
    var t = vec4f();
    var u = vec4f();
    var v = vec4f();
    for (var k = lane; k < length; k += 8u) {
      let x = vec4f(a[k]);
      s += x * vec4f(b[rows.x + k]);
      t += x * vec4f(b[rows.y + k]);
      u += x * vec4f(b[rows.z + k]);
      v += x * vec4f(b[rows.w + k]);
    }
    let sums = subgroupAdd(vec4f(across(s), across(t), across(u), across(v)));
    let n = col + lane;
    if (lane < 4u && n < sizes.N) {
      var value = sums[lane];
      if (sizes.HAS_BIAS == 1u) {
        value += bias[n];
      }
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[n]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[n]);
      }
      if (BEST == 0u) {
        y[n] = Result(value);
      } else if (ordered(value) > most.x) {
        most = vec2u(ordered(value), n);
      }
    }
  }
  if (BEST == 1u && first < sizes.N) {
    let key = subgroupMax(most.x);
    let column = subgroupMin(select(0xffffffffu, most.y, most.x == key));
    if (lane == 0u) {
      best[place] = vec2u(key, column);
    }
  }
}
