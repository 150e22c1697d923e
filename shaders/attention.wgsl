// attention: y_i = sum over seen j of p_ij v_j, p_ij = exp(s_ij - lse_i), s_ij = scale * q_i . k_j, lse_i = log sum exp s_ij.
// q (B,H,Tq,D), k and v (B,KV,Tk,D), each at its own start and strides, so that all three may lie in one packed tensor;
// query head h reads kv head h / GROUP  ->  y (B,H,Tq,D) at strides, lse (B,H,Tq). Starts and strides count vec4s; D = 4 * vectors.
// Query i sees keys j < Tk whose keyMask is not 0 and, if CAUSAL, n - window < j <= n, n = i + q_offset + qOffset being its own place
// among the keys, and j >= starts_i, which never falls along a row. One that sees none: y = 0. qOffset (f32) and starts (B,Tq) never go together: they are one binding,
// `positions`, because eight are all that every adapter has; HAS_OFFSET or PACKED says which it is.
// Dropout (threshold > 0): p_ij reaches v times its factor of the mask that (stream, randomStep) stand for; lse knows nothing of it.
// grid: one invocation 4 queries, y heads, z batch entries.
// One pass over the keys, 4 at a time, with the running maximum and sum of each query; y holds the mean so far and is read
// and written once a tile of keys: only the invocation's own rows, in f32 however q, k, v are stored. No array in registers, so any D
// compiles fast.
// Source: Milakov and Gimelshein 2018 (arXiv:1805.02867); Dao et al. 2022 (arXiv:2205.14135).
// optional: keyMask, positions, randomStep
// lib: attention_tile, attention_dropout

alias Storage = f32;

struct Sizes {
  Tq: u32, Tk: u32, H: u32, GROUP: u32, vectors: u32,
  q_start: u32, q_batch: u32, q_token: u32, q_head: u32,
  k_start: u32, k_batch: u32, k_token: u32, k_head: u32,
  v_start: u32, v_batch: u32, v_token: u32, v_head: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
  scale: f32,
  CAUSAL: u32, q_offset: i32, HAS_OFFSET: u32, offset_batch: u32, window: i32, PACKED: u32,
  HAS_MASK: u32,
  stream: u32, threshold: u32, keep_scale: f32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<Storage>>;
@group(0) @binding(3) var<storage, read> keyMask: array<u32>;
@group(0) @binding(4) var<storage, read> positions: array<i32>;
@group(0) @binding(5) var<storage, read> randomStep: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

const TILE_X = 128;

fn q_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(q[at.x]), vec4f(q[at.y]), vec4f(q[at.z]), vec4f(q[at.w])); }
fn k_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(k[at.x]), vec4f(k[at.y]), vec4f(k[at.z]), vec4f(k[at.w])); }
fn v_tile(at: vec4u) -> mat4x4f { return mat4x4f(vec4f(v[at.x]), vec4f(v[at.y]), vec4f(v[at.z]), vec4f(v[at.w])); }
fn y_tile(at: vec4u) -> mat4x4f { return mat4x4f(y[at.x], y[at.y], y[at.z], y[at.w]); }

// Keys are clamped to the last one before they are read; the end of what is seen hides the repeats.
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
  let q_at = vec4u(sizes.q_start + b * sizes.q_batch + head * sizes.q_head) + row * sizes.q_token;
  let y_at = vec4u(sizes.y_start + b * sizes.y_batch + head * sizes.y_head) + row * sizes.y_token;
  let k_start = vec4u(sizes.k_start + b * sizes.k_batch + kv * sizes.k_head);
  let v_start = vec4u(sizes.v_start + b * sizes.v_batch + kv * sizes.v_head);
  // Neighbouring queries see nearly the same keys, so that an invocation starts where its first query does and stops where its last
  // does. One tile is always done: it writes the zeros of queries that see nothing.
  let first = range.begin.x / 4u * 4u;
  let stop = max(range.end.w, first + 1u);
  let mask_row = vec4u((b * sizes.H + head) * sizes.Tq) + row;
  var mask_key = vec2u();
  if (sizes.threshold > 0u) {
    mask_key = step_key(sizes.stream, randomStep[0]);
  }
  var top = vec4f(SCORE_FLOOR);
  var total = vec4f();
  for (var j = first; j < stop; j += 4u) {
    let keys = vec4u(j) + vec4u(0u, 1u, 2u, 3u);
    let key = min(keys, vec4u(sizes.Tk - 1u));
    let k_at = k_start + key * sizes.k_token;
    let v_at = v_start + key * sizes.v_token;
    var s = mat4x4f();
    for (var c = 0u; c < sizes.vectors; c++) {
      s += transpose(q_tile(q_at + c)) * k_tile(k_at + c);
    }
    s = hide_unseen(sizes.scale * s, keys, range, kept(b, key));
    let highest = max(max(max(s[0], s[1]), max(s[2], s[3])), top);
    let p = exp_tile(s, highest);
    let before = total * exp_below(top - highest);
    total = before + (p[0] + p[1] + p[2] + p[3]);
    top = highest;
    // As long as nothing is seen total is 0 and y stays a plain 0, not a -0 that would tell of a hidden v's sign.
    let blind = total == vec4f();
    let part = 1.0 / select(total, vec4f(1.0), blind);
    let old_part = before * part;
    var kept_p = p;
    if (sizes.threshold > 0u) {
      kept_p = scaled_tile(p, keep_tile(mask_key, mask_row, sizes.Tk, j, sizes.threshold, sizes.keep_scale));
    }
    let weights = transpose(mat4x4f(kept_p[0] * part, kept_p[1] * part, kept_p[2] * part, kept_p[3] * part));
    for (var c = 0u; c < sizes.vectors; c++) {
      let at = y_at + c;
      var mean = v_tile(v_at + c) * weights;
      if (j > first) {
        let old = y_tile(at);
        mean += mat4x4f(old_part.x * old[0], old_part.y * old[1], old_part.z * old[2], old_part.w * old[3]);
      }
      y[at.x] = select(mean[0], vec4f(), blind.x);
      if (i.y < sizes.Tq) { y[at.y] = select(mean[1], vec4f(), blind.y); }
      if (i.z < sizes.Tq) { y[at.z] = select(mean[2], vec4f(), blind.z); }
      if (i.w < sizes.Tq) { y[at.w] = select(mean[3], vec4f(), blind.w); }
    }
  }
  let at = (b * sizes.H + head) * sizes.Tq;
  let log_sum = top + log(select(total, vec4f(1.0), total == vec4f()));
  for (var r = 0u; r < 4u; r++) {
    if (i[r] < sizes.Tq) {
      lse[at + i[r]] = log_sum[r];
    }
  }
}
