// attention_scores: p_ij = exp(s_ij - lse_i) and ds_ij = scale * p_ij (dy_i . v_j - delta_i), written out for attention_mix.
// q, k, v, keyMask, positions, dy, rows, starts and strides as in attention_dq.wgsl  ->  scores (2,B,H,Tq,4*columns): p, then ds;
// 4 * columns >= Tk, and the keys beyond Tk get 0. Tiles of 4 queries and 4 keys that the causal rule, the window or the end of
// an example hides altogether are left as they are.
// With dropout p is what dropout leaves of it, and dy_i . v_j is multiplied with the same factors of the mask.
// grid: one invocation 4 queries, y heads, z batch entries.
// Source: Dao et al. 2022 (arXiv:2205.14135), appendix B.
// optional: keyMask, positions
// lib: attention_tile, attention_dropout

alias Storage = f32;

struct Sizes {
  B: u32, Tq: u32, Tk: u32, H: u32, GROUP: u32, vectors: u32, columns: u32,
  q_start: u32, q_batch: u32, q_token: u32, q_head: u32,
  k_start: u32, k_batch: u32, k_token: u32, k_head: u32,
  v_start: u32, v_batch: u32, v_token: u32, v_head: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
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
@group(0) @binding(7) var<storage, read_write> scores: array<vec4<Storage>>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

const TILE_X = 128;

fn q_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(q[at.x]), vec4f(q[at.y]), vec4f(q[at.z]), vec4f(q[at.w])); }
fn k_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(k[at.x]), vec4f(k[at.y]), vec4f(k[at.z]), vec4f(k[at.w])); }
fn v_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(v[at.x]), vec4f(v[at.y]), vec4f(v[at.z]), vec4f(v[at.w])); }
fn dy_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(dy[at.x]), vec4f(dy[at.y]), vec4f(dy[at.z]), vec4f(dy[at.w])); }

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

fn put(at: vec4u, i: vec4u, tile: mat4x4f) {
  scores[at.x] = vec4<Storage>(tile[0]);
  if (i.y < sizes.Tq) { scores[at.y] = vec4<Storage>(tile[1]); }
  if (i.z < sizes.Tq) { scores[at.z] = vec4<Storage>(tile[2]); }
  if (i.w < sizes.Tq) { scores[at.w] = vec4<Storage>(tile[3]); }
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
  let p_at = stats_at * sizes.columns;
  let ds_at = p_at + sizes.B * sizes.H * sizes.Tq * sizes.columns;
  let k_start = vec4u(sizes.k_start + b * sizes.k_batch + kv * sizes.k_head);
  let v_start = vec4u(sizes.v_start + b * sizes.v_batch + kv * sizes.v_head);
  var mask_key = vec2u();
  if (sizes.threshold > 0u) {
    mask_key = step_key(sizes.stream, whole_of(rows[sizes.last]));
  }
  for (var j = range.begin.x / 4u * 4u; j < range.end.w; j += 4u) {
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
    let p = exp_tile(hide_unseen(sizes.scale * s, keys, range, kept(b, key)), stats[0]);
    var kept_p = p;
    if (sizes.threshold > 0u) {
      let keep = keep_tile(mask_key, stats_at, sizes.Tk, j, sizes.threshold, sizes.keep_scale);
      kept_p = scaled_tile(p, keep);
      dp = scaled_tile(dp, keep);
    }
    put(p_at + j / 4u, i, transpose(kept_p));
    put(ds_at + j / 4u, i, transpose(sizes.scale * score_gradient(p, dp, stats[1])));
  }
}
