// attention_dkv: dk_j = scale * sum over i that see j of ds_ij q_i, dv_j = sum of p_ij dy_i, with p and ds as in attention_dq.wgsl;
// with dropout dv takes what dropout leaves of p; both sums run over the GROUP query heads that read the kv head, too.
// q, k, v, keyMask, positions, dy, rows, starts and strides as in attention_dq.wgsl  ->  dk, dv (B,KV,Tk,D), two parts of one
// tensor dkv at their own starts and strides: WebGPU allows a packed gradient only one writable binding.
// grid: one invocation 4 keys, y kv heads, z batch entries.
// Sums run over heads upwards and over queries downwards, 4 at a time, from the last query that sees the keys to the first: without
// a window all invocations start with the same queries. dkv is read and written once a tile: only the invocation's own rows, in f32
// however q, k, v are stored.
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
  dk_start: u32, dk_batch: u32, dk_token: u32, dk_head: u32,
  dv_start: u32, dv_batch: u32, dv_token: u32, dv_head: u32,
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
@group(0) @binding(7) var<storage, read_write> dkv: array<vec4f>;
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

// Adds onto the rows of this invocation's keys, or starts them.
fn put(at: vec4u, is_key: vec4<bool>, fresh: bool, sum: mat4x4f) {
  var x = sum;
  if (!fresh) {
    x += mat4x4f(dkv[at.x], dkv[at.y], dkv[at.z], dkv[at.w]);
  }
  dkv[at.x] = x[0];
  if (is_key.y) { dkv[at.y] = x[1]; }
  if (is_key.z) { dkv[at.z] = x[2]; }
  if (is_key.w) { dkv[at.w] = x[3]; }
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let kv = group.y;
  let b = group.z;
  let keys = vec4u((group.x * 32u + lane) * 4u) + vec4u(0u, 1u, 2u, 3u);
  if (keys.x >= sizes.Tk) {
    return;
  }
  let key = min(keys, vec4u(sizes.Tk - 1u));
  let is_key = keys < vec4u(sizes.Tk);
  let keep = kept(b, key);
  let k_at = vec4u(sizes.k_start + b * sizes.k_batch + kv * sizes.k_head) + key * sizes.k_token;
  let v_at = vec4u(sizes.v_start + b * sizes.v_batch + kv * sizes.v_head) + key * sizes.v_token;
  let dk_at = vec4u(sizes.dk_start + b * sizes.dk_batch + kv * sizes.dk_head) + key * sizes.dk_token;
  let dv_at = vec4u(sizes.dv_start + b * sizes.dv_batch + kv * sizes.dv_head) + key * sizes.dv_token;
  var offset = sizes.q_offset;
  if (sizes.HAS_OFFSET == 1u) {
    offset += i32(round(bitcast<f32>(positions[b * sizes.offset_batch])));
  }
  // At least one tile of queries is done: it writes the zeros of keys that nobody sees.
  var lowest = 0u;
  var highest = (sizes.Tq + 3u) / 4u;
  if (sizes.CAUSAL == 1u) {
    let last = i32(sizes.Tq) - 1;
    let first = i32(keys.x) - offset;
    lowest = u32(clamp(first, 0, last)) / 4u;
    highest = u32(clamp(first + 2 + sizes.window, 0, last)) / 4u + 1u;
  }
  // Queries of later examples see none of these keys.
  while (sizes.PACKED == 1u && highest > lowest + 1u && positions[b * sizes.Tq + highest * 4u - 4u] > i32(keys.w)) {
    highest--;
  }
  var mask_key = vec2u();
  if (sizes.threshold > 0u) {
    mask_key = step_key(sizes.stream, whole_of(rows[sizes.last]));
  }
  var fresh = true;
  for (var g = 0u; g < sizes.GROUP; g++) {
    let head = kv * sizes.GROUP + g;
    let q_start = vec4u(sizes.q_start + b * sizes.q_batch + head * sizes.q_head);
    let dy_start = vec4u(sizes.y_start + b * sizes.y_batch + head * sizes.y_head);
    let stats_start = vec4u((b * sizes.H + head) * sizes.Tq);
    for (var tile = highest; tile > lowest; tile--) {
      let i = vec4u(tile * 4u - 4u) + vec4u(0u, 1u, 2u, 3u);
      let row = min(i, vec4u(sizes.Tq - 1u));
      var range = KeyRange(vec4u(), vec4u(sizes.Tk));
      if (sizes.CAUSAL == 1u) {
        range = causal_keys(row, offset, sizes.window, sizes.Tk);
      }
      if (sizes.PACKED == 1u) {
        let at = vec4u(b * sizes.Tq) + row;
        range = packed_keys(range, vec4i(positions[at.x], positions[at.y], positions[at.z], positions[at.w]));
      }
      range.end = select(range.begin, range.end, i < vec4u(sizes.Tq));
      let stats_at = stats_start + row;
      let stats = transpose(mat4x2f(rows[stats_at.x], rows[stats_at.y], rows[stats_at.z], rows[stats_at.w]));
      let q_at = q_start + row * sizes.q_token;
      let dy_at = dy_start + row * sizes.y_token;
      var s = mat4x4f();
      var dp = mat4x4f();
      for (var c = 0u; c < sizes.vectors; c++) {
        s += transpose(q_tile(q_at + c)) * k_tile(k_at + c);
        dp += transpose(dy_tile(dy_at + c)) * v_tile(v_at + c);
      }
      let p = exp_tile(hide_unseen(sizes.scale * s, keys, range, keep), stats[0]);
      var kept_p = p;
      if (sizes.threshold > 0u) {
        let factors = keep_tile(mask_key, stats_at, sizes.Tk, keys.x, sizes.threshold, sizes.keep_scale);
        kept_p = scaled_tile(p, factors);
        dp = scaled_tile(dp, factors);
      }
      let ds = sizes.scale * score_gradient(p, dp, stats[1]);
      for (var c = 0u; c < sizes.vectors; c++) {
        put(dk_at + c, is_key, fresh, q_tile(q_at + c) * ds);
        put(dv_at + c, is_key, fresh, dy_tile(dy_at + c) * kept_p);
      }
      fresh = false;
    }
  }
}
