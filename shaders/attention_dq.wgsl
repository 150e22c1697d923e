// attention_dq: dq_i = scale * sum over seen j of ds_ij k_j, ds_ij = p_ij (dy_i . v_j - delta_i), p_ij = exp(s_ij - lse_i).
// q, k, v, keyMask, positions, starts, strides and grid as in attention.wgsl; dy (B,H,Tq,D) lies as y does; rows (B,H,Tq,2)
// holds lse and delta, and behind them randomStep at `last`  ->  dq (B,H,Tq,D) at its own start and strides, which may be a part of a packed gradient.
// With dropout dy_i . v_j is multiplied with the factor of the mask.
// Scores are computed again. dq is read and written once a tile of 4 keys: only the invocation's own rows, in the order of keys,
// in f32 however q, k, v are stored.
// Source: Dao et al. 2022 (arXiv:2205.14135), appendix B.
// optional: keyMask, positions
// lib: attention_tile, attention_dropout

alias Storage = f32;

struct Sizes {
  Tq: u32, Tk: u32, H: u32, GROUP: u32, vectors: u32,
  q_start: u32, q_batch: u32, q_token: u32, q_head: u32,
  k_start: u32, k_batch: u32, k_token: u32, k_head: u32,
  v_start: u32, v_batch: u32, v_token: u32, v_head: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
  dq_start: u32, dq_batch: u32, dq_token: u32, dq_head: u32,
  scale: f32,
  CAUSAL: u32, q_offset: i32, HAS_OFFSET: u32, offset_batch: u32, window: i32, PACKED: u32,
  HAS_MASK: u32,
  stream: u32, threshold: u32, keep_scale: f32, last: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<Storage>>;
@group(0) @binding(3) var<storage, read> keyMask: array<u32>;
@group(0) @binding(4) var<storage, read> positions: array<i32>;
@group(0) @binding(5) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(6) var<storage, read> rows: array<vec2f>;
@group(0) @binding(7) var<storage, read_write> dq: array<vec4f>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

const TILE_X = 128;

fn q_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(q[at.x]), vec4f(q[at.y]), vec4f(q[at.z]), vec4f(q[at.w])); }
fn k_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(k[at.x]), vec4f(k[at.y]), vec4f(k[at.z]), vec4f(k[at.w])); }
fn v_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(v[at.x]), vec4f(v[at.y]), vec4f(v[at.z]), vec4f(v[at.w])); }
fn dy_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(dy[at.x]), vec4f(dy[at.y]), vec4f(dy[at.z]), vec4f(dy[at.w])); }
fn dq_tile(at: vec4u) -> mat4x4f { return mat4x4f(dq[at.x], dq[at.y], dq[at.z], dq[at.w]); }

fn kept(b: u32, key: vec4u) -> vec4<bool> {
  if (sizes.HAS_MASK == 0u) {
    return vec4<bool>(true);
  }
  let at = vec4u(b * sizes.Tk) + key;
  return vec4u(keyMask[at.x], keyMask[at.y], keyMask[at.z], keyMask[at.w]) != vec4u();
}

fn seen_keys(b: u32, query: vec4u) -> KeyRange {
  if (sizes.CAUSAL == 0u) {
    return KeyRange(vec4u(), vec4u(sizes.Tk));
  }
  var offset = sizes.q_offset;
  if (sizes.HAS_OFFSET == 1u) {
    offset += i32(round(bitcast<f32>(positions[b * sizes.offset_batch])));
  }
  let range = causal_keys(query, offset, sizes.window, sizes.Tk);
  if (sizes.PACKED == 0u) {
    return range;
  }
  let at = vec4u(b * sizes.Tq) + query;
  return packed_keys(range, vec4i(positions[at.x], positions[at.y], positions[at.z], positions[at.w]));
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let b = group.z;
  let kv = head / sizes.GROUP;
  let i = vec4u((group.x * 32u + lane) * 4u) + vec4u(0u, 1u, 2u, 3u);
  if (i.x >= sizes.Tq) {
    return;
  }
  let row = min(i, vec4u(sizes.Tq - 1u));
  let range = seen_keys(b, row);
  let stats_at = vec4u((b * sizes.H + head) * sizes.Tq) + row;
  // Column 0 of the transposed pairs is lse, column 1 delta.
  let stats = transpose(mat4x2f(rows[stats_at.x], rows[stats_at.y], rows[stats_at.z], rows[stats_at.w]));
  let q_at = vec4u(sizes.q_start + b * sizes.q_batch + head * sizes.q_head) + row * sizes.q_token;
  let dy_at = vec4u(sizes.y_start + b * sizes.y_batch + head * sizes.y_head) + row * sizes.y_token;
  let dq_at = vec4u(sizes.dq_start + b * sizes.dq_batch + head * sizes.dq_head) + row * sizes.dq_token;
  let k_start = vec4u(sizes.k_start + b * sizes.k_batch + kv * sizes.k_head);
  let v_start = vec4u(sizes.v_start + b * sizes.v_batch + kv * sizes.v_head);
  var mask_key = vec2u();
  if (sizes.threshold > 0u) {
    mask_key = step_key(sizes.stream, whole_of(rows[sizes.last]));
  }
  // One tile is always done: it writes the zeros of queries that see nothing.
  let first = range.begin.x / 4u * 4u;
  let stop = max(range.end.w, first + 1u);
  for (var j = first; j < stop; j += 4u) {
    let keys = vec4u(j) + vec4u(0u, 1u, 2u, 3u);
    let key = min(keys, vec4u(sizes.Tk - 1u));
    let k_at = k_start + key * sizes.k_token;
    let v_at = v_start + key * sizes.v_token;
    var s = mat4x4f();
    var dp = mat4x4f();
    for (var c = 0u; c < sizes.vectors; c++) {
      s += transpose(q_tile(q_at + c)) * k_tile(k_at + c);
      dp += transpose(dy_tile(dy_at + c)) * v_tile(v_at + c);
    }
    if (sizes.threshold > 0u) {
      dp = scaled_tile(dp, keep_tile(mask_key, stats_at, sizes.Tk, j, sizes.threshold, sizes.keep_scale));
    }
    let p = exp_tile(hide_unseen(sizes.scale * s, keys, range, kept(b, key)), stats[0]);
    let ds = transpose(sizes.scale * score_gradient(p, dp, stats[1]));
    for (var c = 0u; c < sizes.vectors; c++) {
      let at = dq_at + c;
      var sum = k_tile(k_at + c) * ds;
      if (j > first) {
        sum += dq_tile(at);
      }
      dq[at.x] = sum[0];
      if (i.y < sizes.Tq) { dq[at.y] = sum[1]; }
      if (i.z < sizes.Tq) { dq[at.z] = sum[2]; }
      if (i.w < sizes.Tq) { dq[at.w] = sum[3]; }
    }
  }
}
