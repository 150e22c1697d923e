// attention_delta: what the backward kernels need of each query, side by side: lse and delta = sum over d of dy * y.
// y, dy (B,H,Tq,D) at strides that count vec4s, lse (B,H,Tq)  ->  rows (B*H*Tq + 1, 2). With dropout y is what dropout left, so that
// delta needs no mask; the last pair is randomStep in two halves, for the kernels that compute the mask again.
// grid: one invocation a query, y heads, z batch entries.
// optional: randomStep
// lib: attention_dropout
// Source: Dao et al. 2022 (arXiv:2205.14135), appendix B.

alias Storage = f32;

struct Sizes {
  Tq: u32, H: u32, vectors: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
  DROPOUT: u32, last: u32,
}

@group(0) @binding(0) var<storage, read> y: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> randomStep: array<u32>;
@group(0) @binding(4) var<storage, read_write> rows: array<vec2f>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 32;

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x * 32u + lane;
  if (i >= sizes.Tq) {
    return;
  }
  let at = sizes.y_start + group.z * sizes.y_batch + group.y * sizes.y_head + i * sizes.y_token;
  var total = vec4f();
  for (var c = 0u; c < sizes.vectors; c++) {
    total += vec4f(y[at + c]) * vec4f(dy[at + c]);
  }
  let row = (group.z * sizes.H + group.y) * sizes.Tq + i;
  rows[row] = vec2f(lse[row], total.x + total.y + total.z + total.w);
  if (sizes.DROPOUT == 1u && row == 0u) {
    rows[sizes.last] = halves_of(randomStep[0]);
  }
}
