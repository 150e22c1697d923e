// attention_cached8: a new token behind those of a cache, where an adapter runs on the CPU in subgroups of 8: its key and value are
// written there, as cache_write does, and its queries see what then stands there: y and lse as attention.wgsl says, causal.
// q (B,H,1,D), k and v (B,KV,1,D) at strides; keys and values (B,Tk,KV*D); qOffset (B): how many tokens stand there  ->  y at strides,
// lse (B,H,1). Strides and columns count vec4s: D = 4 * vectors, at most 64.
// grid: one workgroup a kv head, a subgroup, for all query heads that share it: x kv heads, y batch entries. A lane has every eighth vec4
// of a head, two at most (more take seconds to compile), so that lanes side by side read what lies side by side, and none reads what
// another wrote. Key by key a score is added up across the lanes, and the sums so far are scaled to it.
// Source: Milakov and Gimelshein 2018 (arXiv:1805.02867); Dao et al. 2022 (arXiv:2205.14135).
// lib: attention_tile

enable subgroups;
alias Storage = f32;

struct Sizes {
  Tk: u32, H: u32, KV: u32, vectors: u32,
  q_start: u32, q_batch: u32, q_head: u32,
  k_start: u32, v_start: u32, kv_batch: u32,
  y_start: u32, y_batch: u32, y_head: u32,
  scale: f32, window: i32,
}

// vec4s of a lane, at most: one that no lane has costs nothing.
override PER: u32 = 2;

@group(0) @binding(0) var<storage, read> q: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<Storage>>;
@group(0) @binding(3) var<storage, read> qOffset: array<f32>;
@group(0) @binding(4) var<storage, read_write> keys: array<vec4<Storage>>;
@group(0) @binding(5) var<storage, read_write> values: array<vec4<Storage>>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

const TILE_X = 1;

// A lane's `count` vec4s from `at` on, zeros where it has none.
fn query_part(at: u32, count: u32) -> mat2x4f {
  var part = mat2x4f();
  if (count > 0u) { part[0] = vec4f(q[at]); }
  if (PER > 1u && count > 1u) { part[1] = vec4f(q[at + 8u]); }
  return part;
}

fn key_part(at: u32, count: u32) -> mat2x4f {
  var part = mat2x4f();
  if (count > 0u) { part[0] = vec4f(keys[at]); }
  if (PER > 1u && count > 1u) { part[1] = vec4f(keys[at + 8u]); }
  return part;
}

fn value_part(at: u32, count: u32) -> mat2x4f {
  var part = mat2x4f();
  if (count > 0u) { part[0] = vec4f(values[at]); }
  if (PER > 1u && count > 1u) { part[1] = vec4f(values[at + 8u]); }
  return part;
}

fn across_lanes(a: mat2x4f, b: mat2x4f) -> f32 {
  var products = a[0] * b[0];
  if (PER > 1u) { products += a[1] * b[1]; }
  return subgroupAdd((products.x + products.y) + (products.z + products.w));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let kv = group.x;
  let b = group.y;
  let count = (sizes.vectors + 7u - lane) / 8u;
  let width = sizes.KV * sizes.vectors;
  let column = kv * sizes.vectors + lane;
  let cache = b * sizes.Tk * width + column;

  let offset = i32(round(qOffset[b]));
  let place = u32(max(offset, 0));
  if (place < sizes.Tk) {
    let new_at = b * sizes.kv_batch + column;
    for (var c = 0u; c < 8u * count; c += 8u) {
      keys[cache + place * width + c] = k[sizes.k_start + new_at + c];
      values[cache + place * width + c] = v[sizes.v_start + new_at + c];
    }
  }

  let end = clamp(offset + 1, 0, i32(sizes.Tk));
  let begin = u32(clamp(offset + 1 - sizes.window, 0, end));
  let heads = sizes.H / sizes.KV;
  for (var head = kv * heads; head < (kv + 1u) * heads; head++) {
    let query = query_part(sizes.q_start + b * sizes.q_batch + head * sizes.q_head + lane, count);
    var top = SCORE_FLOOR;
    var total = 0.0;
    var mixed = mat2x4f();
    for (var j = begin; j < u32(end); j++) {
      let at = cache + j * width;
      let score = sizes.scale * across_lanes(query, key_part(at, count));
      let highest = max(top, score);
      let weights = exp_below(vec4f(top - highest, score - highest, 0.0, 0.0));
      top = highest;
      total = total * weights.x + weights.y;
      mixed = mixed * weights.x + value_part(at, count) * weights.y;
    }
    let blind = total == 0.0;
    mixed *= 1.0 / select(total, 1.0, blind);
    let y_at = sizes.y_start + b * sizes.y_batch + head * sizes.y_head + lane;
    if (count > 0u) { y[y_at] = vec4<Storage>(mixed[0]); }
    if (PER > 1u && count > 1u) { y[y_at + 8u] = vec4<Storage>(mixed[1]); }
        if (lane == 0u) {
      lse[b * sizes.H + head] = top + log(select(total, 1.0, blind));
    }
  }
}
