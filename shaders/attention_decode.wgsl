// attention_decode: attention of a few queries, as decoding from a cache has them: y and lse as attention.wgsl says, without dropout.
// q (B,H,Tq,D), k and v (B,KV,Tk,D), at strides that count vec4s; D = 4 * vectors, at most 256  ->  y (B,H,Tq,D) at strides, lse (B,H,Tq)
// grid: one workgroup a query: x queries, y heads, z batch entries.
// 64 keys at a time: a lane has a score, or several, then all lanes mix the values, each a vec4 of the head and every so many keys.
// Only keys that are seen are visited, so that a large cache costs what stands in it. Partial sums meet in a fixed order.
// LANES: at least `vectors`; few where the adapter runs on the CPU, which pays for every lane that waits at a barrier.
// Source: Milakov and Gimelshein 2018 (arXiv:1805.02867); Dao et al. 2023, Flash-Decoding.
// optional: keyMask, qOffset
// lib: attention_tile

alias Storage = f32;

struct Sizes {
  Tq: u32, Tk: u32, H: u32, GROUP: u32, vectors: u32,
  q_start: u32, q_batch: u32, q_token: u32, q_head: u32,
  k_start: u32, k_batch: u32, k_token: u32, k_head: u32,
  v_start: u32, v_batch: u32, v_token: u32, v_head: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
  scale: f32,
  CAUSAL: u32, q_offset: i32, HAS_OFFSET: u32, offset_batch: u32, window: i32,
  HAS_MASK: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<Storage>>;
@group(0) @binding(3) var<storage, read> keyMask: array<u32>;
@group(0) @binding(4) var<storage, read> qOffset: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(6) var<storage, read_write> lse: array<f32>;
@group(0) @binding(7) var<uniform> sizes: Sizes;

const TILE_X = 1;
const KEYS = 64u;

override LANES: u32 = 64;

var<workgroup> scores: array<f32, 64>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> mixed: array<vec4f, 64>;

// The keys begin <= j < end that a query sees, but for the mask.
fn seen_keys(b: u32, query: u32) -> vec2u {
  if (sizes.CAUSAL == 0u) {
    return vec2u(0u, sizes.Tk);
  }
  var offset = sizes.q_offset;
  if (sizes.HAS_OFFSET == 1u) {
    offset += i32(round(qOffset[b * sizes.offset_batch]));
  }
  let next = i32(query) + offset + 1;
  let end = clamp(next, 0, i32(sizes.Tk));
  return vec2u(u32(clamp(next - sizes.window, 0, end)), u32(end));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = group.x;
  let head = group.y;
  let b = group.z;
  let kv = head / sizes.GROUP;
  let range = seen_keys(b, i);
  let q_at = sizes.q_start + b * sizes.q_batch + head * sizes.q_head + i * sizes.q_token;
  let k_start = sizes.k_start + b * sizes.k_batch + kv * sizes.k_head;
  let v_start = sizes.v_start + b * sizes.v_batch + kv * sizes.v_head;
  let slices = LANES / sizes.vectors;
  let slice = lane / sizes.vectors;
  let v_at = v_start + lane % sizes.vectors;
  var top = SCORE_FLOOR;
  var total = 0.0;
  var mean = vec4f();
  for (var first = range.x; first < range.y; first += KEYS) {
    let count = min(KEYS, range.y - first);
    for (var l = lane; l < count; l += LANES) {
      var score = SCORE_HIDDEN;
      if (sizes.HAS_MASK == 0u || keyMask[b * sizes.Tk + first + l] != 0u) {
        let k_at = k_start + (first + l) * sizes.k_token;
        var sum = vec4f();
        for (var c = 0u; c < sizes.vectors; c++) {
          sum += vec4f(q[q_at + c]) * vec4f(k[k_at + c]);
        }
        score = sizes.scale * (sum.x + sum.y + sum.z + sum.w);
      }
      scores[l] = score;
    }
    workgroupBarrier();
    var highest = top;
    for (var l = 0u; l < count; l++) {
      highest = max(highest, scores[l]);
    }
    var own = 0.0;
    for (var l = lane; l < count; l += LANES) {
      let weight = exp_below(vec4f(scores[l] - highest)).x;
      weights[l] = weight;
      own += weight;
    }
    workgroupBarrier();
    let kept = exp_below(vec4f(top - highest)).x;
    total = total * kept + own;
    mean *= kept;
    if (slice < slices) {
      for (var l = slice; l < count; l += slices) {
        let p = weights[l];
        // What is hidden is not even read: 0 times a NaN would be one.
        if (p != 0.0) {
          mean += p * vec4f(v[v_at + (first + l) * sizes.v_token]);
        }
      }
    }
    top = highest;
  }
  mixed[lane] = mean;
  weights[lane] = total;
  workgroupBarrier();
  total = 0.0;
  for (var l = 0u; l < LANES; l++) {
    total += weights[l];
  }
  let blind = total == 0.0;
  let part = 1.0 / select(total, 1.0, blind);
  if (lane < sizes.vectors) {
    mean = mixed[lane];
    for (var other = 1u; other < slices; other++) {
      mean += mixed[other * sizes.vectors + lane];
    }
    let y_at = sizes.y_start + b * sizes.y_batch + head * sizes.y_head + i * sizes.y_token;
    y[y_at + lane] = vec4<Storage>(select(part * mean, vec4f(), blind));
  }
  if (lane == 0u) {
    lse[(b * sizes.H + head) * sizes.Tq + i] = top + log(select(total, 1.0, blind));
  }
}
