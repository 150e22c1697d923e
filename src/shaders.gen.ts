// The text of shaders/, by name. Made by scripts/make-shaders.ts: change the .wgsl files and run `npm run shaders`.

export const shaders: Record<string, string> = {
  'adamw': `// adamw: one step of AdamW (DECOUPLED = 1) or of Adam with L2 decay (0) over a slab of parameters, in place.
//   m = beta1 m + (1 - beta1) g     v = beta2 v + (1 - beta2) g^2
//   p = p (1 - lr wd) - lr (m / c1) / (sqrt(v / c2) + eps)
// g, m, v (N vec4) have one layout; map gives, for each 16 vec4, the block's place in p and (in the top 8 bits) its group;
// groups holds (weight decay, factor on the learning rate) a group. gate: see gate.wgsl. Nothing changes where gate[0] is 0.
// grid: one invocation a vec4, folded.
// Source: Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2.
// lib: fold

struct Sizes {
  N: u32,
  beta1: f32, beta2: f32,
  one_minus_beta1: f32, one_minus_beta2: f32,
  eps: f32,
  DECOUPLED: u32,
}

@group(0) @binding(0) var<storage, read_write> p: array<vec4f>;
@group(0) @binding(1) var<storage, read> g: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> m: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> v: array<vec4f>;
@group(0) @binding(4) var<storage, read> map: array<u32>;
@group(0) @binding(5) var<storage, read> groups: array<vec2f>;
@group(0) @binding(6) var<storage, read> gate: array<f32>;
@group(0) @binding(7) var<storage, read> learningRate: array<f32>;
@group(0) @binding(8) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, workgroups) * 64u + lane;
  if (i >= sizes.N || gate[0] == 0.0) {
    return;
  }
  let block = map[i / 16u];
  let at = (block & 0xffffffu) * 16u + i % 16u;
  let settings = groups[block >> 24u];
  let lr = learningRate[0] * settings.y;
  var value = p[at];
  var gradient = g[i] * gate[1];
  if (sizes.DECOUPLED == 1u) {
    value *= 1.0 - lr * settings.x;
  } else {
    gradient += settings.x * value;
  }
  let m1 = sizes.beta1 * m[i] + sizes.one_minus_beta1 * gradient;
  let v1 = sizes.beta2 * v[i] + sizes.one_minus_beta2 * gradient * gradient;
  m[i] = m1;
  v[i] = v1;
  p[at] = value - lr * (m1 / gate[2]) / (sqrt(v1 / gate[3]) + sizes.eps);
}
`,

  'add': `// add: y = a + b for equal shapes.
// grid: 64 invocations a workgroup, four elements each, folded.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      y[i] = Storage(f32(a[i]) + f32(b[i]));
    }
  }
}
`,

  'add_broadcast': `// add_broadcast: y = a + b for shapes that broadcast.
// Operands are read through strides in the joint index space of four axes D0..D3; a repeated axis has stride 0.
// grid: one invocation an element, folded.
// lib: fold, broadcast

alias Storage = f32;

struct Sizes {
  N: u32,
  D0: u32, D1: u32, D2: u32, D3: u32,
  A0: u32, A1: u32, A2: u32, A3: u32,
  B0: u32, B1: u32, B2: u32, B3: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.N) {
    return;
  }
  let at = unfold_axes(i, sizes.D1, sizes.D2, sizes.D3);
  let ai = strided(at, vec4u(sizes.A0, sizes.A1, sizes.A2, sizes.A3));
  let bi = strided(at, vec4u(sizes.B0, sizes.B1, sizes.B2, sizes.B3));
  y[i] = Storage(f32(a[ai]) + f32(b[bi]));
}
`,

  'argmax': `// argmax: where each part of each row has its largest element.
// x (N,width)  ->  best (N,PARTS,2): the element as a number that grows with it, and its column. A NaN is larger than all else.
// grid: one workgroup a part of a row, folded. Lanes take neighbouring columns; of equal elements the first counts.
// lib: fold, ordered

alias Storage = f32;

struct Sizes { N: u32, width: u32, PARTS: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> best: array<vec2u>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 1;

var<workgroup> found: array<vec2u, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  // A folded grid may have workgroups behind the last one: they repeat it, for barriers must be met by all.
  let i = min(folded(group, groups), sizes.N * sizes.PARTS - 1u);
  let part = i % sizes.PARTS;
  let columns = (sizes.width + sizes.PARTS - 1u) / sizes.PARTS;
  let end = min((part + 1u) * columns, sizes.width);
  let start = (i / sizes.PARTS) * sizes.width;
  var most = vec2u();
  for (var c = part * columns + lane; c < end; c += 64u) {
    let key = ordered(f32(x[start + c]));
    if (key > most.x) {
      most = vec2u(key, c);
    }
  }
  found[lane] = most;
  workgroupBarrier();
  if (lane > 0u) {
    return;
  }
  for (var l = 1u; l < 64u; l++) {
    let other = found[l];
    if (other.x > most.x || (other.x == most.x && other.y < most.y)) {
      most = other;
    }
  }
  best[i] = most;
}
`,

  'argmax_parts': `// argmax_parts: the best of the parts of each row.
// best (N,PARTS,2)  ->  y (N), -1 where the best is a NaN
// grid: one invocation a row.

struct Sizes { N: u32, PARTS: u32 }

@group(0) @binding(0) var<storage, read> best: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= sizes.N) {
    return;
  }
  var most = vec2u();
  for (var part = 0u; part < sizes.PARTS; part++) {
    let other = best[n * sizes.PARTS + part];
    if (other.x > most.x) {
      most = other;
    }
  }
  y[n] = select(i32(most.y), -1, most.x == 0xffffffffu);
}
`,

  'attention': `// attention: y_i = sum over seen j of p_ij v_j, p_ij = exp(s_ij - lse_i), s_ij = scale * q_i . k_j, lse_i = log sum exp s_ij.
// q (B,H,Tq,D), k and v (B,KV,Tk,D), each at its own start and strides, so that all three may lie in one packed tensor;
// query head h reads kv head h / GROUP  ->  y (B,H,Tq,D) at strides, lse (B,H,Tq). Starts and strides count vec4s; D = 4 * vectors.
// Query i sees keys j < Tk whose keyMask is not 0 and, if CAUSAL, n - window < j <= n, n = i + q_offset + qOffset being its own place
// among the keys, and j >= starts_i, which never falls along a row. One that sees none: y = 0. qOffset (f32) and starts (B,Tq) never go together: they are one binding,
// \`positions\`, because eight are all that every adapter has; HAS_OFFSET or PACKED says which it is.
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
`,

  'attention_cached8': `// attention_cached8: a new token behind those of a cache, where an adapter runs on the CPU in subgroups of 8: its key and value are
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

// A lane's \`count\` vec4s from \`at\` on, zeros where it has none.
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
`,

  'attention_decode': `// attention_decode: attention of a few queries, as decoding from a cache has them: y and lse as attention.wgsl says, without dropout.
// q (B,H,Tq,D), k and v (B,KV,Tk,D), at strides that count vec4s; D = 4 * vectors, at most 256  ->  y (B,H,Tq,D) at strides, lse (B,H,Tq)
// grid: one workgroup a query: x queries, y heads, z batch entries.
// 64 keys at a time: a lane has a score, or several, then all lanes mix the values, each a vec4 of the head and every so many keys.
// Only keys that are seen are visited, so that a large cache costs what stands in it. Partial sums meet in a fixed order.
// LANES: at least \`vectors\`; few where the adapter runs on the CPU, which pays for every lane that waits at a barrier.
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
`,

  'attention_delta': `// attention_delta: what the backward kernels need of each query, side by side: lse and delta = sum over d of dy * y.
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
`,

  'attention_dkv': `// attention_dkv: dk_j = scale * sum over i that see j of ds_ij q_i, dv_j = sum of p_ij dy_i, with p and ds as in attention_dq.wgsl;
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
`,

  'attention_dq': `// attention_dq: dq_i = scale * sum over seen j of ds_ij k_j, ds_ij = p_ij (dy_i . v_j - delta_i), p_ij = exp(s_ij - lse_i).
// q, k, v, keyMask, positions, starts, strides and grid as in attention.wgsl; dy (B,H,Tq,D) lies as y does; rows (B,H,Tq,2)
// holds lse and delta, and behind them randomStep at \`last\`  ->  dq (B,H,Tq,D) at its own start and strides, which may be a part of a packed gradient.
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
`,

  'attention_mix': `// attention_mix: y[row] = sum over heads and columns of w[row,col] x[col]: dq from ds and k, dk from ds^T and q, dv from p^T and dy.
// w: one of the two score matrices, read through w_row and w_col, so that a transpose is a change of strides; x (columns,D) and
// y (rows,D) at strides that count vec4s. y head n adds up the \`heads\` score heads n * heads + g; score head m reads x head m / X_GROUP.
// If CAUSAL, row r takes only the columns that the causal rule and the window let through, n - window < c <= n with n = r + offset
// where the rows are queries, n <= c < n + window with n = r - offset where they are keys (KEY_ROWS), and if PACKED only
// where the key is not below \`positions\` of the query: attention_scores does not write the others.
// grid: one invocation 8 rows x one vec4 of D, \`vectors\` neighbours side by side; y heads, z batch entries.
// Sums run over heads and columns in order, in f32.
// optional: positions

alias Storage = f32;

struct Sizes {
  R: u32, C: u32, H: u32, vectors: u32,
  heads: u32, X_GROUP: u32,
  w_start: u32, w_head: u32, w_row: u32, w_col: u32,
  x_start: u32, x_batch: u32, x_token: u32, x_head: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
  CAUSAL: u32, KEY_ROWS: u32, q_offset: i32, HAS_OFFSET: u32, offset_batch: u32, window: i32, PACKED: u32,
}

@group(0) @binding(0) var<storage, read> w: array<Storage>;
@group(0) @binding(1) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> positions: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn weights(at: vec4u, inside: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(f32(w[at.x]), f32(w[at.y]), f32(w[at.z]), f32(w[at.w])), inside);
}

fn example_starts(first: u32, query: vec4u) -> vec4i {
  let at = vec4u(first) + min(query, vec4u(sizes.R - 1u));
  return vec4i(positions[at.x], positions[at.y], positions[at.z], positions[at.w]);
}

// The first query behind each key's example, found by halving.
fn example_ends(first: u32, key: vec4u) -> vec4i {
  var low = key + 1u;
  var high = max(low, vec4u(sizes.C));
  while (any(low < high)) {
    let middle = (low + high) / 2u;
    let at = vec4u(first) + min(middle, vec4u(sizes.C - 1u));
    let start = vec4i(positions[at.x], positions[at.y], positions[at.z], positions[at.w]);
    let behind = (start > vec4i(key)) | (low >= high);
    high = select(high, middle, behind);
    low = select(middle + 1u, low, behind);
  }
  return vec4i(low);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x * 64u + lane;
  let b = group.z;
  let vector = n % sizes.vectors;
  let first = n / sizes.vectors * 8u;
  if (first >= sizes.R) {
    return;
  }
  let i0 = vec4u(first) + vec4u(0u, 1u, 2u, 3u);
  let i1 = i0 + 4u;
  // Columns from..end of each row.
  var from0 = vec4i();
  var from1 = vec4i();
  var end0 = vec4i(i32(sizes.C));
  var end1 = end0;
  if (sizes.CAUSAL == 1u) {
    var offset = sizes.q_offset;
    if (sizes.HAS_OFFSET == 1u) {
      offset += i32(round(bitcast<f32>(positions[b * sizes.offset_batch])));
    }
    if (sizes.KEY_ROWS == 1u) {
      from0 = vec4i(i0) - offset;
      from1 = vec4i(i1) - offset;
      end0 = from0 + sizes.window;
      end1 = from1 + sizes.window;
      if (sizes.PACKED == 1u) {
        end0 = min(end0, example_ends(b * sizes.C, i0));
        end1 = min(end1, example_ends(b * sizes.C, i1));
      }
    } else {
      end0 = vec4i(i0) + (offset + 1);
      end1 = vec4i(i1) + (offset + 1);
      from0 = end0 - sizes.window;
      from1 = end1 - sizes.window;
      if (sizes.PACKED == 1u) {
        from0 = max(from0, example_starts(b * sizes.R, i0));
        from1 = max(from1, example_starts(b * sizes.R, i1));
      }
    }
  }
  let begin = u32(max(from0.x, 0));
  let stop = u32(clamp(end1.w, 0, i32(sizes.C)));
  let row0 = min(i0, vec4u(sizes.R - 1u)) * sizes.w_row;
  let row1 = min(i1, vec4u(sizes.R - 1u)) * sizes.w_row;
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  for (var g = 0u; g < sizes.heads; g++) {
    let head = group.y * sizes.heads + g;
    let w_start = sizes.w_start + (b * sizes.H + head) * sizes.w_head;
    let x_start = sizes.x_start + b * sizes.x_batch + head / sizes.X_GROUP * sizes.x_head + vector;
    for (var c = begin; c < stop; c++) {
      let at = vec4i(i32(c));
      let w0 = weights(row0 + (w_start + c * sizes.w_col), (at >= from0) & (at < end0));
      let w1 = weights(row1 + (w_start + c * sizes.w_col), (at >= from1) & (at < end1));
      let xc = vec4f(x[x_start + c * sizes.x_token]);
      s0 += w0.x * xc;
      s1 += w0.y * xc;
      s2 += w0.z * xc;
      s3 += w0.w * xc;
      s4 += w1.x * xc;
      s5 += w1.y * xc;
      s6 += w1.z * xc;
      s7 += w1.w * xc;
    }
  }
  let y_start = sizes.y_start + b * sizes.y_batch + group.y * sizes.y_head + vector;
  let y0 = vec4u(y_start) + i0 * sizes.y_token;
  let y1 = vec4u(y_start) + i1 * sizes.y_token;
  y[y0.x] = vec4<Storage>(s0);
  if (i0.y < sizes.R) { y[y0.y] = vec4<Storage>(s1); }
  if (i0.z < sizes.R) { y[y0.z] = vec4<Storage>(s2); }
  if (i0.w < sizes.R) { y[y0.w] = vec4<Storage>(s3); }
  if (i1.x < sizes.R) { y[y1.x] = vec4<Storage>(s4); }
  if (i1.y < sizes.R) { y[y1.y] = vec4<Storage>(s5); }
  if (i1.z < sizes.R) { y[y1.z] = vec4<Storage>(s6); }
  if (i1.w < sizes.R) { y[y1.w] = vec4<Storage>(s7); }
}
`,

  'attention_pad': `// attention_pad: y[b,t,h,d] = x[b,t,h,d] for d < D, 0 from there to \`width\`: heads whose size is no multiple of 4 to and from
// rows that the other attention kernels can read as vec4.
// x, y (B,T,H,..) each at its own start and strides, in elements.
// grid: one invocation an element of (B,T,H,width), folded.
// lib: fold

alias From = f32;
alias To = f32;

struct Sizes {
  N: u32, T: u32, H: u32, width: u32, D: u32,
  x_start: u32, x_batch: u32, x_token: u32, x_head: u32,
  y_start: u32, y_batch: u32, y_token: u32, y_head: u32,
}

@group(0) @binding(0) var<storage, read> x: array<From>;
@group(0) @binding(1) var<storage, read_write> y: array<To>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let d = n % sizes.width;
  let h = (n / sizes.width) % sizes.H;
  let t = (n / (sizes.width * sizes.H)) % sizes.T;
  let b = n / (sizes.width * sizes.H * sizes.T);
  var value = 0.0;
  if (d < sizes.D) {
    value = f32(x[sizes.x_start + b * sizes.x_batch + t * sizes.x_token + h * sizes.x_head + d]);
  }
  y[sizes.y_start + b * sizes.y_batch + t * sizes.y_token + h * sizes.y_head + d] = To(value);
}
`,

  'attention_scores': `// attention_scores: p_ij = exp(s_ij - lse_i) and ds_ij = scale * p_ij (dy_i . v_j - delta_i), written out for attention_mix.
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
`,

  'cache_reorder': `// cache_reorder: keys[b,t] = keys[rows[b],t] for begin[b] <= t < end[b], values likewise, in place: a row that others are copied from stays.
// rows, begin, end (B)  keys, values (B,capacity,W)
// grid: PARTS workgroups a row, which go through its numbers in turn, folded: the cost is what stands there, not the capacity.
// lib: fold

alias Storage = f32;

struct Sizes { B: u32, W: u32, capacity: u32, PARTS: u32 }

@group(0) @binding(0) var<storage, read> rows: array<i32>;
@group(0) @binding(1) var<storage, read> begin: array<f32>;
@group(0) @binding(2) var<storage, read> end: array<f32>;
@group(0) @binding(3) var<storage, read_write> keys: array<Storage>;
@group(0) @binding(4) var<storage, read_write> values: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = folded(group, groups);
  let b = index / sizes.PARTS;
  if (b >= sizes.B) {
    return;
  }
  let row = u32(rows[b]);
  if (row == b) {
    return;
  }
  let to = b * sizes.capacity * sizes.W;
  let source = row * sizes.capacity * sizes.W;
  let stop = min(u32(round(end[b])), sizes.capacity) * sizes.W;
  for (var i = u32(round(begin[b])) * sizes.W + index % sizes.PARTS * 64u + lane; i < stop; i += sizes.PARTS * 64u) {
    keys[to + i] = keys[source + i];
    values[to + i] = values[source + i];
  }
}
`,

  'cache_write': `// cache_write: keys and values of new tokens into a cache: keys[b, start[b] + t] = k[b,t], values likewise.
// k, v: rows (B*T) of \`token\` numbers, of which W from k_first and from v_first on are read, so that both may lie in one packed
// tensor; start (B)  ->  keys, values (B,capacity,W), in place. What would lie behind the capacity is left out.
// grid: one invocation a number of k and the same one of v, folded.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32, T: u32, W: u32, capacity: u32, token: u32, k_first: u32, v_first: u32 }

@group(0) @binding(0) var<storage, read> k: array<Storage>;
@group(0) @binding(1) var<storage, read> v: array<Storage>;
@group(0) @binding(2) var<storage, read> start: array<f32>;
@group(0) @binding(3) var<storage, read_write> keys: array<Storage>;
@group(0) @binding(4) var<storage, read_write> values: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.N) {
    return;
  }
  let row = i / sizes.W;
  let c = i % sizes.W;
  let b = row / sizes.T;
  let place = u32(max(i32(round(start[b])), 0)) + row % sizes.T;
  if (place >= sizes.capacity) {
    return;
  }
  let source = row * sizes.token + c;
  let target_at = (b * sizes.capacity + place) * sizes.W + c;
  keys[target_at] = k[source + sizes.k_first];
  values[target_at] = v[source + sizes.v_first];
}
`,

  'cast': `// cast: y = x in another storage type; to f16 the nearest, and infinity beyond its range.
// x (N)  ->  y (N)
// grid: 64 invocations a workgroup, four elements each, folded. The last one may have fewer: nothing is written beyond y.
// lib: fold

alias From = f32;
alias To = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<From>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<To>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (4u * i >= sizes.N) {
    return;
  }
  let values = vec4f(x[i]);
  let count = sizes.N - 4u * i;
  if (count >= 4u) {
    y[i] = vec4<To>(values);
    return;
  }
  for (var j = 0u; j < count; j++) {
    y[i][j] = To(values[j]);
  }
}
`,

  'copy': `// copy: y = x, word by word. Bits are copied, so it serves every type; N counts words of four bytes.
// x (N)  ->  y (N)
// any type: x, y
// grid: one invocation a word, folded.
// lib: fold

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i < sizes.N) {
    y[i] = x[i];
  }
}
`,

  'copy_columns': `// copy_columns: \`width\` neighbouring columns of x into y, whose other columns stay as they are.
// x (N,from_width), from column from_first on  ->  y (N,to_width), from column to_first on
// grid: one invocation four neighbouring columns of a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32, width: u32, from_width: u32, from_first: u32, to_width: u32, to_first: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  let quads = (sizes.width + 3u) / 4u;
  let n = i / quads;
  if (n >= sizes.N) {
    return;
  }
  let source = n * sizes.from_width + sizes.from_first;
  let to = n * sizes.to_width + sizes.to_first;
  let first = (i % quads) * 4u;
  let end = min(first + 4u, sizes.width);
  for (var c = first; c < end; c++) {
    y[to + c] = x[source + c];
  }
}
`,

  'cross_entropy': `// cross_entropy: tokenLoss = (1 - e) * nll + e * mean over all classes of -log p, nll = -log p[target]; 0 where the target is ignored.
// loss = sum of tokenLoss / kept, kept = number of targets that are not ignored; 0 if there is none.
// stats (N,4), of softmax_stats  targets (N)  ->  tokenLoss (N)  loss, kept (1)
// grid: one workgroup for everything. Lane l adds rows l, l + 64, .. in order, then lane 0 the 64 partial sums: the same bits on
// every run.
// lib: targets

struct Sizes { N: u32, V: u32, ignore_index: i32, smoothing: f32 }

@group(0) @binding(0) var<storage, read> stats: array<vec4f>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> tokenLoss: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> kept: array<f32>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

var<workgroup> sums: array<f32, 64>;
var<workgroup> counts: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  var count = 0u;
  for (var n = lane; n < sizes.N; n += 64u) {
    var token_loss = 0.0;
    if (is_kept(targets[n], sizes.ignore_index, sizes.V)) {
      let row = stats[n];
      let nll = row.y - row.z;
      let even = row.y - row.w / f32(sizes.V);
      token_loss = (1.0 - sizes.smoothing) * nll + sizes.smoothing * even;
      count++;
    }
    tokenLoss[n] = token_loss;
    sum += token_loss;
  }
  sums[lane] = sum;
  counts[lane] = count;
  workgroupBarrier();
  if (lane > 0u) {
    return;
  }
  for (var l = 1u; l < 64u; l++) {
    sum += sums[l];
    count += counts[l];
  }
  loss[0] = select(0.0, sum / f32(max(count, 1u)), count > 0u);
  kept[0] = f32(count);
}
`,

  'cross_entropy_backward': `// cross_entropy_backward: dstats = (dloss / kept + dtokenLoss) * (0, 1, e - 1, -e / V); 0 in rows whose target is ignored.
// targets (N)  kept (1)  dloss (1) if HAS_LOSS is 1  dtokenLoss (N) if HAS_TOKEN_LOSS is 1  ->  dstats (N,4)
// grid: one invocation a row, folded.
// lib: fold, targets
// optional: dloss, dtokenLoss

struct Sizes { N: u32, V: u32, ignore_index: i32, smoothing: f32, HAS_LOSS: u32, HAS_TOKEN_LOSS: u32 }

@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> kept: array<f32>;
@group(0) @binding(2) var<storage, read> dloss: array<f32>;
@group(0) @binding(3) var<storage, read> dtokenLoss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dstats: array<vec4f>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  var d = 0.0;
  if (is_kept(targets[n], sizes.ignore_index, sizes.V)) {
    if (sizes.HAS_LOSS == 1u) {
      d = dloss[0] / kept[0];
    }
    if (sizes.HAS_TOKEN_LOSS == 1u) {
      d += dtokenLoss[n];
    }
  }
  let e = sizes.smoothing;
  dstats[n] = d * vec4f(0.0, 1.0, e - 1.0, -e / f32(sizes.V));
}
`,

  'dropout': `// dropout: y = keep_scale * x where an element is kept, else 0. The mask is a function of (stream, randomStep, element); none is stored.
// x (N), randomStep (1)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind y may be another value.
// lib: fold, random

alias Storage = f32;

struct Sizes { N: u32, stream: u32, threshold: u32, keep_scale: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> randomStep: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

// A dropped value is 0 whatever it was.
fn dropped(key: vec2u, i: u32) -> vec4f {
  let keep = keep_factors(key, vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u), sizes.threshold, sizes.keep_scale);
  return select(vec4f(), keep * vec4f(x[i]), keep > vec4f());
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let key = step_key(sizes.stream, randomStep[0]);
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      y[i] = vec4<Storage>(dropped(key, i));
    } else if (4u * i < sizes.N) {
      let tail = dropped(key, i);
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'ema': `// ema: an exponential moving average of parameters, over a slab, in place.
//   average += max(1 - decay, 9 / (10 + t)) (p - average),   t: steps applied, control[0]
// The host sends 1 - decay: in f32 the difference would lose its digits.
// p, average (N); gate: see gate.wgsl. Nothing changes where gate[0] is 0.
// grid: one invocation a vec4, folded.
// Source: Polyak and Juditsky 1992 for the idea; the warm-up of the decay is TensorFlow's ExponentialMovingAverage(num_updates).
// lib: fold

struct Sizes { N: u32, one_minus_decay: f32 }

@group(0) @binding(0) var<storage, read> p: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> average: array<vec4f>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read> control: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) workgroups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, workgroups) * 64u + lane;
  if (i >= sizes.N || gate[0] == 0.0) {
    return;
  }
  let t = control[0];
  let share = max(sizes.one_minus_decay, 9.0 / (10.0 + t));
  average[i] += share * (p[i] - average[i]);
}
`,

  'embedding': `// embedding: y[n] = weight[ids[n] - first]; a row of zeros where that is no row of weight.
// weight (V,C)  ids (N)  ->  y (N,C); if ACCUMULATE is 1, added onto what y holds
// grid: one invocation four neighbouring columns of a row of y, folded.
// lib: fold

alias Table = f32;
alias Storage = f32;

struct Sizes { N: u32, V: u32, C: u32, first: i32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> weight: array<Table>;
@group(0) @binding(1) var<storage, read> ids: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  let quads = (sizes.C + 3u) / 4u;
  let n = i / quads;
  if (n >= sizes.N) {
    return;
  }
  let id = ids[n];
  let known = id >= sizes.first && u32(id - sizes.first) < sizes.V;
  if (sizes.ACCUMULATE == 1u && !known) {
    return;
  }
  let row = select(0u, u32(id - sizes.first), known) * sizes.C;
  let start = (i % quads) * 4u;
  let end = min(start + 4u, sizes.C);
  for (var c = start; c < end; c++) {
    let at = n * sizes.C + c;
    var value = select(0.0, f32(weight[row + c]), known);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(y[at]);
    }
    y[at] = Storage(value);
  }
}
`,

  'embedding_backward': `// embedding_backward: dweight[v] += sum of dy[n] over the n with ids[n] - first = v. Without atomics: the first position of an id walks the
// chain of embedding_links and adds in the order of positions, so every run gives the same bits.
// ids (N)  links (N)  dy (N,C)  ->  dweight (V,C), added onto what it holds; rows without an id stay as they are
// grid: one invocation four neighbouring columns of a position, folded. Only first positions work.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32, C: u32, first: i32 }

@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read> links: array<vec2u>;
@group(0) @binding(2) var<storage, read> dy: array<Storage>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  let quads = (sizes.C + 3u) / 4u;
  let n = i / quads;
  if (n >= sizes.N || links[min(n, sizes.N - 1u)].y == 0u) {
    return;
  }
  let start = (i % quads) * 4u;
  let column = min(vec4u(start) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.C - 1u));
  var total = vec4f();
  var m = n;
  while (m < sizes.N) {
    let at = vec4u(m * sizes.C) + column;
    total += vec4f(f32(dy[at.x]), f32(dy[at.y]), f32(dy[at.z]), f32(dy[at.w]));
    m = links[m].x;
  }
  let row = u32(ids[n] - sizes.first) * sizes.C;
  for (var j = 0u; j < min(4u, sizes.C - start); j++) {
    dweight[row + start + j] += total[j];
  }
}
`,

  'embedding_links': `// embedding_links: for each position the next one with the same id, and whether it is the first: a chain through all uses of a row.
// ids (N)  ->  links (N), x: the next position, or N at the end; y: 1 for the first position of an id of first..first+V-1, else 0
// grid: one invocation a position, folded. Each looks forwards and backwards until it meets its id, at worst N steps: short where few
// ids are in use, and sorting would need more passes.
// lib: fold

struct Sizes { N: u32, V: u32, first: i32 }

@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read_write> links: array<vec2u>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let id = ids[n];
  if (id < sizes.first || u32(id - sizes.first) >= sizes.V) {
    links[n] = vec2u(sizes.N, 0u);
    return;
  }
  var next = n + 1u;
  while (next < sizes.N && ids[min(next, sizes.N - 1u)] != id) {
    next++;
  }
  var before = n;
  while (before > 0u && ids[max(before, 1u) - 1u] != id) {
    before--;
  }
  links[n] = vec2u(next, select(0u, 1u, before == 0u));
}
`,

  'expand': `// expand: y = x, repeated along axes of stride 0.
// Operands are read through strides in the joint index space of four axes D0..D3; a repeated axis has stride 0.
// grid: one invocation an element, folded.
// lib: fold, broadcast

alias Storage = f32;

struct Sizes {
  N: u32,
  D0: u32, D1: u32, D2: u32, D3: u32,
  A0: u32, A1: u32, A2: u32, A3: u32,
}

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.N) {
    return;
  }
  let at = unfold_axes(i, sizes.D1, sizes.D2, sizes.D3);
  let ai = strided(at, vec4u(sizes.A0, sizes.A1, sizes.A2, sizes.A3));
  y[i] = x[ai];
}
`,

  'fill': `// fill: y = value, in every element.
// y (N)
// grid: 64 invocations a workgroup, four elements each, folded.
// lib: fold

struct Sizes { N: u32, value: f32 }

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      y[i] = sizes.value;
    }
  }
}
`,

  'gate': `// gate: decides whether an optimizer step is applied, and how, and what the step looked like.
// norm (1) of the gradients, totals (2: losses summed, targets) where gradients are sums over that many targets, else loss (1),
// lossScale (2: factor that is in the gradients, steps in a row without overflow) where a training in f16 keeps one,
// control (8: steps applied, 1 - beta1^steps, 1 - beta2^steps, latch; mean, variance and number of the losses so far, the last)
//   ->  gate (4: applied or not, factor on the gradients, 1 - beta1^t, 1 - beta2^t), the new control and lossScale, and
//       seen (4: norm of the mean gradient, mean loss, deviations of the loss above its mean, skipped: 1 as a spike, 2 for an
//       overflow; with SCALED a fifth: the factor as it was)
// The bias corrections follow c <- beta c + (1 - beta), which needs no pow and loses no digits at small t. They live on the
// device because a step that was skipped must not count. max_norm 0 does not clip. Statistics move by differences
// (Finch 2009, section 9); a spike counts as one that is just none.
// grid: one invocation.
// optional: totals, loss, lossScale

struct Sizes {
  max_norm: f32,
  beta1: f32, beta2: f32,
  one_minus_beta1: f32, one_minus_beta2: f32,
  LATCH: u32,
  SUMMED: u32,
  SCORED: u32,
  SKIP: u32,
  SCALED: u32, grows_after: f32, most_scale: f32,
  spike: f32, score_after: f32, mean_step: f32, variance_step: f32, least_share: f32, least_deviation: f32,
}

@group(0) @binding(0) var<storage, read> norm: array<f32>;
@group(0) @binding(1) var<storage, read_write> control: array<f32>;
@group(0) @binding(2) var<storage, read> totals: array<f32>;
@group(0) @binding(3) var<storage, read> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> gate: array<f32>;
@group(0) @binding(5) var<storage, read_write> seen: array<f32>;
@group(0) @binding(6) var<storage, read_write> lossScale: array<f32>;
@group(0) @binding(7) var<uniform> sizes: Sizes;

// The exponent bits are all set in an infinity and in a NaN; comparisons of floats may be optimised away.
fn is_finite(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;
}

// Deviations of a loss above those before it, which it then joins.
fn score(x: f32) -> f32 {
  let mean = control[4];
  let count = control[6];
  let deviation = max(sqrt(control[5]), max(sizes.least_share * abs(mean), sizes.least_deviation));
  var z = 0.0;
  var joins = x;
  if (count >= sizes.score_after) {
    z = (x - mean) / deviation;
    joins = min(x, mean + sizes.spike * deviation);
  }
  let share = 1.0 / (count + 1.0);
  let a = max(sizes.mean_step, share);
  let b = max(sizes.variance_step, share);
  let d = joins - mean;
  control[4] = mean + a * d;
  let step = select(0.0, joins - control[7], count > 0.0);
  control[5] += b * (select(0.5 * step * step, d * d, z > sizes.spike) - control[5]);
  control[6] = count + 1.0;
  control[7] = joins;
  return z;
}

// Halves the factor after an overflow and doubles it after enough steps without.
fn move_scale(factor: f32, overflow: bool) {
  if (overflow) {
    lossScale[0] = max(1.0, 0.5 * factor);
    lossScale[1] = 0.0;
    return;
  }
  let sound = lossScale[1] + 1.0;
  let grows = sound >= sizes.grows_after;
  lossScale[0] = select(factor, min(2.0 * factor, sizes.most_scale), grows);
  lossScale[1] = select(sound, 0.0, grows);
}

@compute @workgroup_size(1)
fn main() {
  var size = norm[0];
  var mean_loss = 0.0;
  var share = 1.0;
  var scale = 1.0;
  if (sizes.SCALED == 1u) {
    scale = lossScale[0];
    size /= scale;
  }
  if (sizes.SUMMED == 1u) {
    share = 1.0 / select(totals[1], 1.0, totals[1] == 0.0);
    size *= share;
    mean_loss = totals[0] * share;
  } else if (sizes.SCORED == 1u) {
    mean_loss = loss[0];
  }
  let finite = is_finite(size) && is_finite(mean_loss);
  let running = control[3] == 0.0;
  let overflow = running && scale > 1.0 && !is_finite(size) && is_finite(mean_loss);
  if (sizes.SCALED == 1u && running && (finite || overflow)) {
    move_scale(scale, overflow);
  }
  if (!finite && !overflow && sizes.LATCH == 1u) {
    control[3] = 1.0;
  }
  var apply = finite && control[3] == 0.0;
  var z = 0.0;
  if (sizes.SCORED == 1u && apply) {
    z = score(mean_loss);
  }
  let skipped = sizes.SKIP == 1u && z > sizes.spike;
  apply = apply && !skipped;
  if (apply) {
    control[0] += 1.0;
    control[1] = sizes.beta1 * control[1] + sizes.one_minus_beta1;
    control[2] = sizes.beta2 * control[2] + sizes.one_minus_beta2;
  }
  var factor = share;
  if (sizes.max_norm > 0.0) {
    factor *= min(1.0, sizes.max_norm / (size + 1e-6));
  }
  if (sizes.SCALED == 1u) {
    factor /= scale;
    seen[4] = scale;
  }
  gate[0] = select(0.0, 1.0, apply);
  gate[1] = factor;
  gate[2] = control[1];
  gate[3] = control[2];
  seen[0] = size;
  seen[1] = mean_loss;
  seen[2] = z;
  seen[3] = select(select(0.0, 1.0, skipped), 2.0, overflow);
}
`,

  'gelu_erf': `// gelu_erf: y = 0.5 x (1 + erf(x / sqrt(2))), element by element.
// x (N)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind y may be another value.
// lib: fold, gelu_erf

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      y[i] = vec4<Storage>(gelu_erf(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = gelu_erf(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'gelu_erf_backward': `// gelu_erf_backward: dx = dy * slope of gelu_erf at x, element by element.
// x, dy (N)  ->  dx (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind dx may be another value.
// lib: fold, gelu_erf

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      dx[i] = vec4<Storage>(vec4f(dy[i]) * gelu_erf_slope(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = vec4f(dy[i]) * gelu_erf_slope(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        dx[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'gelu_tanh': `// gelu_tanh: y = 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), element by element.
// x (N)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind y may be another value.
// lib: fold, gelu_tanh

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      y[i] = vec4<Storage>(gelu_tanh(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = gelu_tanh(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'gelu_tanh_backward': `// gelu_tanh_backward: dx = dy * slope of gelu_tanh at x, element by element.
// x, dy (N)  ->  dx (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind dx may be another value.
// lib: fold, gelu_tanh

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      dx[i] = vec4<Storage>(vec4f(dy[i]) * gelu_tanh_slope(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = vec4f(dy[i]) * gelu_tanh_slope(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        dx[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'kl_divergence': `// kl_divergence: KL(q || p) = sum over classes of q ln(q / p), q = softmax(teacher / t), p = softmax(logits / t), inverse = 1 / t.
// logits, teacher (R,C)  ->  stats (R,4): 0, KL, 0, 0, as cross_entropy reads it; sums (R,4): the largest logit and the log of the sum
// of exp((x - largest) / t), of the student and of the teacher.
// grid: one invocation a row, folded. Two passes; the largest is taken away before logits are divided, so that large ones keep their
// digits, and rows that are equal have 0.
// Source: Hinton et al. 2015 (arXiv:1503.02531), section 2.
// lib: fold, kl_divergence

alias Storage = f32;

struct Sizes { R: u32, C: u32, inverse: f32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> teacher: array<Storage>;
@group(0) @binding(2) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn both(at: u32) -> vec2f { return vec2f(f32(logits[at]), f32(teacher[at])); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var largest = both(start);
  for (var c = 1u; c < sizes.C; c++) {
    largest = max(largest, both(start + c));
  }
  var total = vec3f();
  for (var c = 0u; c < sizes.C; c++) {
    total += divergence_part((both(start + c) - largest) * sizes.inverse);
  }
  stats[row] = vec4f(0.0, divergence_of(total), 0.0, 0.0);
  sums[row] = vec4f(largest.x, log(total.x), largest.y, log(total.y));
}
`,

  'kl_divergence_backward': `// kl_divergence_backward: dlogits = dstats.y * (p - q) / t, p and q as in kl_divergence; 0 in rows whose dstats is 0, whatever
// their logits are.
// logits (R,C), in dlogits' place  teacher (R,C)  sums, dstats (R,4)  ->  dlogits (R,C)
// grid: one invocation an element, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, inverse: f32 }

@group(0) @binding(0) var<storage, read> teacher: array<Storage>;
@group(0) @binding(1) var<storage, read> sums: array<vec4f>;
@group(0) @binding(2) var<storage, read> dstats: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<Storage>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let at = folded(group, groups) * 64u + lane;
  if (at >= sizes.R * sizes.C) {
    return;
  }
  let row = at / sizes.C;
  let d = dstats[row].y;
  let known = sums[row];
  let logit = vec2f(f32(dlogits[at]), f32(teacher[at]));
  let p = exp((logit - known.xz) * sizes.inverse - known.yw);
  dlogits[at] = Storage(select(d * sizes.inverse * (p.x - p.y), 0.0, d == 0.0));
}
`,

  'kl_divergence_workgroup': `// kl_divergence_workgroup: as kl_divergence, for GPUs; slow where a barrier is (software adapters).
// logits, teacher (R,C)  ->  stats, sums (R,4)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_max, row_sum, kl_divergence

alias Storage = f32;

struct Sizes { R: u32, C: u32, inverse: f32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> teacher: array<Storage>;
@group(0) @binding(2) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> sums: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

fn both(at: u32) -> vec2f { return vec2f(f32(logits[at]), f32(teacher[at])); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  var own = both(start);
  for (var c = lane; c < C; c += LANES) {
    own = max(own, both(start + c));
  }
  let largest_x = row_max(own.x, index, LANES);
  let largest = vec2f(largest_x, row_max(own.y, index, LANES));
  var part = vec3f();
  for (var c = lane; c < C; c += LANES) {
    part += divergence_part((both(start + c) - largest) * sizes.inverse);
  }
  let exponentials = row_sum(part.xy, index, LANES);
  let total = vec3f(exponentials, row_sum(vec2f(part.z, 0.0), index, LANES).x);
  if (lane == 0u && row_index < sizes.R) {
    stats[row] = vec4f(0.0, divergence_of(total), 0.0, 0.0);
    sums[row] = vec4f(largest.x, log(total.x), largest.y, log(total.y));
  }
}
`,

  'layernorm': `// layernorm: y = (x - mean) * rstd * weight (+ bias) over the last axis, rstd = 1 / sqrt(variance + eps).
// x (R,C)  weight, bias (C)  ->  y (R,C)  mean, rstd (R), saved for the backward pass
// grid: one invocation a row, folded.
// The variance is taken around the mean in a second pass, and corrected for the mean's own rounding: E[x^2] - mean^2 would
// lose all digits where the mean is large. Source: Ba et al. 2016 (arXiv:1607.06450); Chan, Golub and LeVeque 1983, eq. 1.7.
// lib: fold
// optional: bias

alias Storage = f32;

struct Sizes { R: u32, C: u32, HAS_BIAS: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Storage>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  let scale = 1.0 / f32(sizes.C);
  var total = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    total += f32(x[start + c]);
  }
  let rough = total * scale;
  var off = 0.0;
  var squares = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let d = f32(x[start + c]) - rough;
    off += d;
    squares += d * d;
  }
  let shift = off * scale;
  let mu = rough + shift;
  let r = inverseSqrt(max(squares * scale - shift * shift, 0.0) + sizes.eps);
  for (var c = 0u; c < sizes.C; c++) {
    var value = (f32(x[start + c]) - mu) * r * weight[c];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[c];
    }
    y[start + c] = Storage(value);
  }
  mean[row] = mu;
  rstd[row] = r;
}
`,

  'layernorm_backward': `// layernorm_backward: dx (+)= rstd * (g - mean(g) - xhat * mean(g * xhat)), g = dy * weight, xhat = (x - mean) * rstd.
// x, dy (R,C)  weight (C)  mean, rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<Storage>;
@group(0) @binding(5) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  let scale = 1.0 / f32(sizes.C);
  let mu = mean[row];
  let r = rstd[row];
  var sum_g = 0.0;
  var sum_gx = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let g = f32(dy[start + c]) * weight[c];
    sum_g += g;
    sum_gx += g * ((f32(x[start + c]) - mu) * r);
  }
  let mean_g = sum_g * scale;
  let mean_gx = sum_gx * scale;
  for (var c = 0u; c < sizes.C; c++) {
    let g = f32(dy[start + c]) * weight[c];
    let xhat = (f32(x[start + c]) - mu) * r;
    var value = r * (g - mean_g - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(dx[start + c]);
    }
    dx[start + c] = Storage(value);
  }
}
`,

  'layernorm_backward_params': `// layernorm_backward_params: dweight[p, c] = sum of dy * (x - mean) * rstd, dbias[p, c] = sum of dy, over the rows of part p.
// x, dy (R,C)  mean, rstd (R)  ->  dweight, dbias (parts,C); part p has \`chunk\` rows from p * chunk, and one part has all
// grid: one invocation an element of dweight, folded. Each adds its rows in order: the same bits on every run.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.parts * sizes.C) {
    return;
  }
  let part = n / sizes.C;
  let first = part * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.R);
  var at = first * sizes.C + n % sizes.C;
  var sum_gx = 0.0;
  var sum_g = 0.0;
  for (var row = first; row < end; row++) {
    let g = f32(dy[at]);
    sum_gx += g * ((f32(x[at]) - mean[row]) * rstd[row]);
    sum_g += g;
    at += sizes.C;
  }
  dweight[n] = sum_gx;
  dbias[n] = sum_g;
}
`,

  'layernorm_backward_params_sum': `// layernorm_backward_params_sum: dweight[c] = sum of partWeight[p, c] over the parts p, and dbias of partBias, in one dispatch.
// partWeight, partBias (parts,C), of layernorm_backward_params  ->  dweight, dbias (C)
// grid: one invocation a column, folded. Parts are added in order: the same bits on every run.
// lib: fold

struct Sizes { C: u32, parts: u32 }

@group(0) @binding(0) var<storage, read> partWeight: array<f32>;
@group(0) @binding(1) var<storage, read> partBias: array<f32>;
@group(0) @binding(2) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(3) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = folded(group, groups) * 64u + lane;
  if (c >= sizes.C) {
    return;
  }
  var weight = 0.0;
  var bias = 0.0;
  for (var p = 0u; p < sizes.parts; p++) {
    weight += partWeight[p * sizes.C + c];
    bias += partBias[p * sizes.C + c];
  }
  dweight[c] = weight;
  dbias[c] = bias;
}
`,

  'layernorm_backward_params_vec4': `// layernorm_backward_params_vec4: as layernorm_backward_params, four columns an invocation, for C divisible by 4.
// x, dy (R,C)  mean, rstd (R)  ->  dweight, dbias (parts,C); part p has \`chunk\` rows from p * chunk, and one part has all
// grid: one invocation four columns of a part, folded. Each adds its rows in order: the same bits on every run.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> dweight: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> dbias: array<vec4f>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  let quads = sizes.C / 4u;
  if (n >= sizes.parts * quads) {
    return;
  }
  let part = n / quads;
  let first = part * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.R);
  var at = first * quads + n % quads;
  var sum_gx = vec4f();
  var sum_g = vec4f();
  for (var row = first; row < end; row++) {
    let g = vec4f(dy[at]);
    sum_gx += g * ((vec4f(x[at]) - mean[row]) * rstd[row]);
    sum_g += g;
    at += quads;
  }
  dweight[n] = sum_gx;
  dbias[n] = sum_g;
}
`,

  'layernorm_backward_params_workgroup': `// layernorm_backward_params_workgroup: as layernorm_backward_params, for GPUs; slow where a barrier is (software adapters).
// x, dy (R,C)  mean, rstd (R)  ->  dweight, dbias (parts,C); part p has \`chunk\` rows from p * chunk, and one part has all
// grid: one workgroup 32 neighbouring columns of a part; 8 invocations take turns at the rows of each and meet in workgroup memory.
// lib: column_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 32;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let column = group.x * 32u + index % 32u;
  let lane = index / 32u;
  let part = group.y;
  let end = min((part + 1u) * sizes.chunk, sizes.R);
  var own = vec2f();
  if (column < sizes.C) {
    for (var row = part * sizes.chunk + lane; row < end; row += 8u) {
      let at = row * sizes.C + column;
      let g = f32(dy[at]);
      own += vec2f(g * ((f32(x[at]) - mean[row]) * rstd[row]), g);
    }
  }
  let sums = column_sum(own, index);
  if (lane == 0u && column < sizes.C) {
    dweight[part * sizes.C + column] = sums.x;
    dbias[part * sizes.C + column] = sums.y;
  }
}
`,

  'layernorm_backward_vec4': `// layernorm_backward_vec4: as layernorm_backward, four columns a load, for C divisible by 4.
// x, dy (R,C)  weight (C)  mean, rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  let scale = vec4f(1.0 / f32(sizes.C));
  let mu = mean[row];
  let r = rstd[row];
  var sum_g = vec4f();
  var sum_gx = vec4f();
  for (var q = 0u; q < quads; q++) {
    let g = vec4f(dy[start + q]) * weight[q];
    sum_g += g;
    sum_gx += g * ((vec4f(x[start + q]) - mu) * r);
  }
  let mean_g = dot(sum_g, scale);
  let mean_gx = dot(sum_gx, scale);
  for (var q = 0u; q < quads; q++) {
    let g = vec4f(dy[start + q]) * weight[q];
    let xhat = (vec4f(x[start + q]) - mu) * r;
    var value = r * (g - mean_g - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += vec4f(dx[start + q]);
    }
    dx[start + q] = vec4<Storage>(value);
  }
}
`,

  'layernorm_backward_workgroup': `// layernorm_backward_workgroup: as layernorm_backward, for GPUs; slow where a barrier is (software adapters).
// x, dy (R,C)  weight (C)  mean, rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<Storage>;
@group(0) @binding(5) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  let mu = mean[row];
  let r = rstd[row];
  var sums = vec2f();
  for (var c = lane; c < C; c += LANES) {
    let g = f32(dy[start + c]) * weight[c];
    sums += vec2f(g, g * ((f32(x[start + c]) - mu) * r));
  }
  let means = row_sum(sums, index, LANES) * (1.0 / f32(sizes.C));
  for (var c = lane; c < C; c += LANES) {
    let g = f32(dy[start + c]) * weight[c];
    let xhat = (f32(x[start + c]) - mu) * r;
    var value = r * (g - means.x - xhat * means.y);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(dx[start + c]);
    }
    dx[start + c] = Storage(value);
  }
}
`,

  'layernorm_vec4': `// layernorm_vec4: as layernorm, four columns a load, for C divisible by 4.
// x (R,C)  weight, bias (C)  ->  y (R,C)  mean, rstd (R)
// grid: one invocation a row, folded.
// lib: fold
// optional: bias

alias Storage = f32;

struct Sizes { R: u32, C: u32, HAS_BIAS: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  let scale = vec4f(1.0 / f32(sizes.C));
  var total = vec4f();
  for (var q = 0u; q < quads; q++) {
    total += vec4f(x[start + q]);
  }
  let rough = dot(total, scale);
  var off = vec4f();
  var squares = vec4f();
  for (var q = 0u; q < quads; q++) {
    let d = vec4f(x[start + q]) - rough;
    off += d;
    squares += d * d;
  }
  let shift = dot(off, scale);
  let mu = rough + shift;
  let r = inverseSqrt(max(dot(squares, scale) - shift * shift, 0.0) + sizes.eps);
  for (var q = 0u; q < quads; q++) {
    var value = (vec4f(x[start + q]) - mu) * r * weight[q];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[q];
    }
    y[start + q] = vec4<Storage>(value);
  }
  mean[row] = mu;
  rstd[row] = r;
}
`,

  'layernorm_workgroup': `// layernorm_workgroup: as layernorm, for GPUs; slow where a barrier is (software adapters).
// x (R,C)  weight, bias (C)  ->  y (R,C)  mean, rstd (R)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// The variance is taken around the mean in a second pass, and corrected for the mean's own rounding, as in layernorm.
// lib: fold, row_sum
// optional: bias

alias Storage = f32;

struct Sizes { R: u32, C: u32, HAS_BIAS: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Storage>;
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  let scale = 1.0 / f32(sizes.C);
  var total = 0.0;
  for (var c = lane; c < C; c += LANES) {
    total += f32(x[start + c]);
  }
  let rough = row_sum(vec2f(total, 0.0), index, LANES).x * scale;
  var off = 0.0;
  var squares = 0.0;
  for (var c = lane; c < C; c += LANES) {
    let d = f32(x[start + c]) - rough;
    off += d;
    squares += d * d;
  }
  let sums = row_sum(vec2f(off, squares), index, LANES) * scale;
  let mu = rough + sums.x;
  let r = inverseSqrt(max(sums.y - sums.x * sums.x, 0.0) + sizes.eps);
  for (var c = lane; c < C; c += LANES) {
    var value = (f32(x[start + c]) - mu) * r * weight[c];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[c];
    }
    y[start + c] = Storage(value);
  }
  if (lane == 0u && row_index < sizes.R) {
    mean[row] = mu;
    rstd[row] = r;
  }
}
`,

  'lib/attention_dropout': `// Dropout on the probabilities of a tile of attention: element ((b*H + h)*Tq + i)*Tk + j of the mask, as u32.
// lib: random

// What the probabilities of keys j..j+3 are multiplied with. row = (b*H + h)*Tq + i of each query.
fn keep_tile(key: vec2u, row: vec4u, Tk: u32, j: u32, threshold: u32, keep_scale: f32) -> mat4x4f {
  let first = row * Tk + j;
  return mat4x4f(
    keep_factors(key, first, threshold, keep_scale),
    keep_factors(key, first + 1u, threshold, keep_scale),
    keep_factors(key, first + 2u, threshold, keep_scale),
    keep_factors(key, first + 3u, threshold, keep_scale),
  );
}

// The backward kernels have no binding left for randomStep: attention_delta passes it on in two halves, which f32 holds exactly.
fn halves_of(step_number: u32) -> vec2f {
  return vec2f(f32(step_number & 0xffffu), f32(step_number >> 16u));
}

fn whole_of(halves: vec2f) -> u32 {
  return u32(halves.x) | (u32(halves.y) << 16u);
}
`,

  'lib/attention_tile': `// A tile of attention scores is a mat4x4f: one column a key, one component a query.
// A score that is not seen becomes SCORE_HIDDEN; SCORE_FLOOR lies above it, far below any score, so that a query which sees
// no key at all subtracts SCORE_FLOOR and gets exp() = 0 for every key, never NaN.
const SCORE_HIDDEN = -3e38;
const SCORE_FLOOR = -1e38;

// The keys begin <= j < end that each query sees; begin <= end.
struct KeyRange { begin: vec4u, end: vec4u }

// Query r sees key c if the key is kept and lies in its range. A key before begin wraps around to a large number.
fn hide_unseen(s: mat4x4f, keys: vec4u, range: KeyRange, keep: vec4<bool>) -> mat4x4f {
  let hidden = vec4f(SCORE_HIDDEN);
  let begin = range.begin;
  let count = range.end - begin;
  return mat4x4f(
    select(hidden, s[0], (keys.xxxx - begin < count) & keep.xxxx),
    select(hidden, s[1], (keys.yyyy - begin < count) & keep.yyyy),
    select(hidden, s[2], (keys.zzzz - begin < count) & keep.zzzz),
    select(hidden, s[3], (keys.wwww - begin < count) & keep.wwww),
  );
}

// exp(x) for x <= 0: 0 where the result would be subnormal or the argument far out. NaN stays NaN.
fn exp_below(x: vec4f) -> vec4f {
  return select(exp(x), vec4f(), x < vec4f(-87.0));
}

// exp(score - shift of its query)
fn exp_tile(s: mat4x4f, shift: vec4f) -> mat4x4f {
  return mat4x4f(exp_below(s[0] - shift), exp_below(s[1] - shift), exp_below(s[2] - shift), exp_below(s[3] - shift));
}

// d(score): p * (dp - delta of its query)
fn score_gradient(p: mat4x4f, dp: mat4x4f, delta: vec4f) -> mat4x4f {
  return mat4x4f(p[0] * (dp[0] - delta), p[1] * (dp[1] - delta), p[2] * (dp[2] - delta), p[3] * (dp[3] - delta));
}

// The last \`window\` keys up to its own position, of Tk keys.
fn causal_keys(query: vec4u, offset: i32, window: i32, Tk: u32) -> KeyRange {
  let next = vec4i(query) + vec4i(offset + 1);
  let end = clamp(next, vec4i(0), vec4i(i32(Tk)));
  return KeyRange(vec4u(clamp(next - window, vec4i(0), end)), vec4u(end));
}

// Of those, the keys from the first of each query's own example on.
fn packed_keys(range: KeyRange, starts: vec4i) -> KeyRange {
  return KeyRange(clamp(vec4u(max(starts, vec4i())), range.begin, range.end), range.end);
}

// Factor by factor, of two tiles.
fn scaled_tile(a: mat4x4f, b: mat4x4f) -> mat4x4f {
  return mat4x4f(a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]);
}
`,

  'lib/broadcast': `// The four axes that a linear index stands for. D1..D3 are the lengths of the inner three.
fn unfold_axes(i: u32, D1: u32, D2: u32, D3: u32) -> vec4u {
  let inner = i / D3;
  let middle = inner / D2;
  return vec4u(middle / D1, middle % D1, inner % D2, i % D3);
}

fn strided(at: vec4u, stride: vec4u) -> u32 {
  let part = at * stride;
  return part.x + part.y + part.z + part.w;
}
`,

  'lib/column_sum': `// Two sums at once over the 8 rows of a block of 32 columns, one invocation an element, through workgroup memory, as a tree: the
// same bits on every run. All 256 must call it, for its barriers; those of the first row get the sums.
var<workgroup> column_sums: array<vec2f, 256>;

fn column_sum(mine: vec2f, index: u32) -> vec2f {
  workgroupBarrier(); // what an earlier call left there has been read
  column_sums[index] = mine;
  for (var reach = 128u; reach >= 32u; reach /= 2u) {
    workgroupBarrier();
    if (index < reach) {
      column_sums[index] += column_sums[index + reach];
    }
  }
  return column_sums[index];
}
`,

  'lib/fold': `// The index of a workgroup in a grid of one axis, which the host folds into rows where it exceeds 65,535 workgroups.
fn folded(group: vec3u, groups: vec3u) -> u32 {
  return group.y * groups.x + group.x;
}
`,

  'lib/gelu_erf': `// GELU with the normal distribution function: x P(x), P(x) = 0.5 (1 + erf(x / sqrt(2))).
// WGSL has no erf. For z = |x| / sqrt(2): erfc(z) = (a1 t + .. + a5 t^5) exp(-z^2), t = 1 / (1 + p z), to 1.5e-7.
// Sources: Hendrycks and Gimpel 2016 (arXiv:1606.08415); Abramowitz and Stegun 1964, formula 7.1.26.

// Beyond 13 both tails are 0 in f32. The comparisons let NaN through.
fn gelu_erf_bounded(x: vec4f) -> vec4f {
  return select(x, vec4f(-13.0), x < vec4f(-13.0));
}

// exp(-x^2 / 2)
fn bell(x: vec4f) -> vec4f {
  let z = min(abs(x), vec4f(13.0));
  return exp(-0.5 * z * z);
}

// P(x), given bell(x)
fn normal_cdf(x: vec4f, bell_x: vec4f) -> vec4f {
  let t = 1.0 / (1.0 + 0.3275911 * 0.7071067811865476 * abs(x));
  let series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * series * bell_x;
  return select(tail, 1.0 - tail, x >= vec4f());
}

fn gelu_erf(x: vec4f) -> vec4f {
  let z = gelu_erf_bounded(x);
  return z * normal_cdf(z, bell(z));
}

fn gelu_erf_slope(x: vec4f) -> vec4f {
  let z = select(gelu_erf_bounded(x), vec4f(13.0), x > vec4f(13.0));
  let bell_z = bell(z);
  return normal_cdf(z, bell_z) + 0.3989422804014327 * z * bell_z;
}
`,

  'lib/gelu_tanh': `// GELU with tanh, GPT-2's gelu_new: 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3). Since 0.5 (1 + tanh(u)) is
// sigmoid(2u), no tanh is needed, and the far negative tail keeps its digits.
// Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2.
// lib: sigmoid
const GELU_LINEAR = 1.5957691216057308; // 2 sqrt(2/pi)
const GELU_CUBIC = 0.07135481282553744; // GELU_LINEAR * 0.044715

// Below -20 the value is 0 in f32: stopping there keeps x^3 finite. The comparison lets NaN through.
fn gelu_bounded(x: vec4f) -> vec4f {
  return select(x, vec4f(-20.0), x < vec4f(-20.0));
}

fn gelu_tanh(x: vec4f) -> vec4f {
  let z = gelu_bounded(x);
  return z * sigmoid(z * (GELU_LINEAR + GELU_CUBIC * z * z));
}

fn gelu_tanh_slope(x: vec4f) -> vec4f {
  let z = select(gelu_bounded(x), vec4f(20.0), x > vec4f(20.0));
  let e = decay(z * (GELU_LINEAR + GELU_CUBIC * z * z));
  let s = 1.0 / (1.0 + e);
  return s + z * s * (e * s) * (GELU_LINEAR + 3.0 * GELU_CUBIC * z * z);
}
`,

  'lib/kl_divergence': `// Sums over the classes of a row for the divergence of a student (x) from its teacher (y).

// What a class adds: its two exponentials, and the teacher's times how much further below its largest logit the student has it.
// scaled: both logits, less the largest of their rows and divided by the temperature: none is above 0. A class that the teacher rules
// out adds nothing, however far away the student has it.
fn divergence_part(scaled: vec2f) -> vec3f {
  let e = exp(scaled);
  return vec3f(e, select(0.0, e.y * (scaled.y - scaled.x), e.y > 0.0));
}

// sum of q ln(q / p) out of the sums of those.
fn divergence_of(sums: vec3f) -> f32 {
  return sums.z / sums.y + (log(sums.x) - log(sums.y));
}
`,

  'lib/ordered': `// Bits of an f32 in the order of its values, a NaN above all else, -0 as 0: no comparison of floats, which a compiler may take for
// granted to have no NaN.
fn ordered(value: f32) -> u32 {
  var bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0xffffffffu;
  }
  if (bits == 0x80000000u) {
    bits = 0u; // -0 is no smaller than 0
  }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
`,

  'lib/random': `// Counted random numbers, bit for bit those of src/tensor/random.ts: element n of a step of a stream, by 32-bit integers alone.
// Source: finaliser of MurmurHash3 (Appleby 2011, public domain) over a Weyl sequence (Steele, Lea and Flood 2014).
const GOLDEN = 0x9e3779b1u;

fn mix32(x: u32) -> u32 {
  var h = x;
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return h ^ (h >> 16u);
}

fn step_key(stream: u32, step_number: u32) -> vec2u {
  return vec2u(mix32(stream + step_number * GOLDEN), mix32(stream ^ mix32(step_number + GOLDEN)));
}

fn random_bits(key: vec2u, element: vec4u) -> vec4u {
  var h = element * GOLDEN + key.x;
  h = (h ^ (h >> vec4u(16u))) * 0x85ebca6bu;
  h = (h ^ (h >> vec4u(13u)) ^ vec4u(key.y)) * 0xc2b2ae35u;
  return h ^ (h >> vec4u(16u));
}

// What four elements are multiplied with under dropout: keep_scale where they are kept, else 0.
fn keep_factors(key: vec2u, element: vec4u, threshold: u32, keep_scale: f32) -> vec4f {
  return select(vec4f(), vec4f(keep_scale), random_bits(key, element) >= vec4u(threshold));
}
`,

  'lib/relu': `// ReLU: max(x, 0), with slope 0 at 0. The comparisons let NaN through, which max() may drop.
fn relu(x: vec4f) -> vec4f {
  return select(x, vec4f(), x < vec4f());
}

fn relu_slope(x: vec4f) -> vec4f {
  return select(select(x, vec4f(1.0), x > vec4f()), vec4f(), x <= vec4f());
}
`,

  'lib/row_max': `// The largest over the lanes of a row, as row_sum has its sums: 64 invocations share 64 / lanes rows. All 64 must call it.
var<workgroup> row_largest: array<f32, 64>;

fn row_max(mine: f32, index: u32, lanes: u32) -> f32 {
  let lane = index % lanes;
  workgroupBarrier(); // what an earlier call left there has been read
  row_largest[index] = mine;
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach) {
      row_largest[index] = max(row_largest[index], row_largest[index + reach]);
    }
  }
  workgroupBarrier();
  return row_largest[index - lane];
}
`,

  'lib/row_sum': `// Two sums at once over the lanes of a row, through workgroup memory, as a tree: the same bits on every run. 64 invocations share
// 64 / lanes rows, whose lanes follow each other; \`lanes\` is a power of two. All 64 must call it, for its barriers.
var<workgroup> row_sums: array<vec2f, 64>;

fn row_sum(mine: vec2f, index: u32, lanes: u32) -> vec2f {
  let lane = index % lanes;
  workgroupBarrier(); // what an earlier call left there has been read
  row_sums[index] = mine;
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach) {
      row_sums[index] += row_sums[index + reach];
    }
  }
  workgroupBarrier();
  return row_sums[index - lane];
}
`,

  'lib/sigmoid': `// exp(-z), clamped so that it never overflows: e^87 is just inside f32.
fn decay(z: vec4f) -> vec4f {
  return exp(clamp(-z, vec4f(-87.0), vec4f(87.0)));
}

// 1 / (1 + exp(-z)). Its complement 1 - sigmoid(z) keeps its digits as decay(z) * sigmoid(z).
fn sigmoid(z: vec4f) -> vec4f {
  return 1.0 / (1.0 + decay(z));
}
`,

  'lib/silu': `// SiLU (swish): x sigmoid(x). Source: Hendrycks and Gimpel 2016 (arXiv:1606.08415), section 2; Ramachandran et al. 2017 (arXiv:1710.05941).
// lib: sigmoid

// Below -87 the value is 0 in f32. The comparison lets NaN through.
fn silu_bounded(x: vec4f) -> vec4f {
  return select(x, vec4f(-87.0), x < vec4f(-87.0));
}

fn silu(x: vec4f) -> vec4f {
  let z = silu_bounded(x);
  return z * sigmoid(z);
}

fn silu_slope(x: vec4f) -> vec4f {
  let z = select(silu_bounded(x), vec4f(87.0), x > vec4f(87.0));
  let e = decay(z);
  let s = 1.0 / (1.0 + e);
  return s * (1.0 + z * (e * s));
}
`,

  'lib/softmax_stats': `// Statistics of a row of logits over the classes seen so far:
// x: m, the largest; y: log of the sum of exp(logit - m); z: the target's logit - m, 0 until its class is seen; w: sum of logit - m.

// The same relative to m = largest, in place of y the sum itself. \`seen\` classes have been seen before, the target among them or not.
fn rebased_stats(stats: vec4f, largest: f32, seen: u32, target_id: i32) -> vec4f {
  let shift = largest - stats.x;
  let has_target = target_id >= 0 && u32(target_id) < seen;
  return vec4f(largest, exp(stats.y - shift), select(0.0, stats.z - shift, has_target), stats.w - f32(seen) * shift);
}

// log of the sum of exponentials, of which none exceeds 1. A NaN among the logits may make that sum infinite, where exp(NaN) is;
// \`sum\` of the logits is NaN then, and makes all that follows from the row show it.
fn log_of_sum(exponentials: f32, sum: f32) -> f32 {
  return select(log(exponentials), sum, exponentials > 3e38);
}

// Gradient of a logit x. \`stats\` are those of its row over all classes.
fn softmax_stats_slope(x: f32, stats: vec4f, dstats: vec4f, is_target: bool) -> f32 {
  let p = exp((x - stats.x) - stats.y);
  return dstats.y * p + (select(0.0, dstats.z, is_target) + dstats.w);
}
`,

  'lib/targets': `// Whether a target counts: it is a class, 0..V-1, and not the one to ignore.
fn is_kept(target_id: i32, ignore_index: i32, V: u32) -> bool {
  return target_id != ignore_index && target_id >= 0 && u32(target_id) < V;
}
`,

  'matmul': `// matmul: y = a b (+ bias) (+ residual) (+ y), the portable form for every stored layout.
// a (B,M,K) and b (B,K,N), read through row and column strides  ->  y (B,M,N)
// grid: tiles of 32 columns x 32 rows, one z a batch entry. A workgroup is 4 x 4 invocations; one computes 8 rows x 8
// columns, because loads cost more than multiplications: 16 loads serve 64. Its columns lie 4 apart, so that neighbouring
// invocations read neighbouring elements of b.
// Sums run over k in order, in f32. Loads outside are clamped to the last row and column, stores are guarded.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// optional: bias, residual, sums

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  b_row: u32, b_col: u32,
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

const TILE_X = 32;
const TILE_Y = 32;

fn b_at(at: vec4u) -> vec4f {
  return vec4f(f32(b[at.x]), f32(b[at.y]), f32(b[at.z]), f32(b[at.w]));
}

fn bias_at(col: vec4u) -> vec4f {
  let n = min(col, vec4u(sizes.N - 1u));
  return vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
}

fn finish(row: u32, col: vec4u, batch: u32, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    if (col[j] < sizes.N) {
      let at = (batch * sizes.M + row) * sizes.N + col[j];
      var value = sum[j];
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[at]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[at]);
      }
      y[at] = Result(value);
    }
  }
}

fn finish_sums(col: vec4u, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    if (col[j] < sizes.N) {
      var value = sum[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[col[j]];
      }
      sums[col[j]] = value;
    }
  }
}

@compute @workgroup_size(4, 4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let row = group.y * 32u + lane.y * 8u;
  let col_l = vec4u(group.x * 32u + lane.x) + vec4u(0u, 4u, 8u, 12u);
  let col_r = col_l + 16u;
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  let b_start = batch * sizes.K * sizes.N;
  var a0 = a_start + min(row + 0u, last_row) * sizes.a_row;
  var a1 = a_start + min(row + 1u, last_row) * sizes.a_row;
  var a2 = a_start + min(row + 2u, last_row) * sizes.a_row;
  var a3 = a_start + min(row + 3u, last_row) * sizes.a_row;
  var a4 = a_start + min(row + 4u, last_row) * sizes.a_row;
  var a5 = a_start + min(row + 5u, last_row) * sizes.a_row;
  var a6 = a_start + min(row + 6u, last_row) * sizes.a_row;
  var a7 = a_start + min(row + 7u, last_row) * sizes.a_row;
  var b_l = b_start + min(col_l, vec4u(sizes.N - 1u)) * sizes.b_col;
  var b_r = b_start + min(col_r, vec4u(sizes.N - 1u)) * sizes.b_col;
  var s0_l = vec4f();
  var s0_r = vec4f();
  var s1_l = vec4f();
  var s1_r = vec4f();
  var s2_l = vec4f();
  var s2_r = vec4f();
  var s3_l = vec4f();
  var s3_r = vec4f();
  var s4_l = vec4f();
  var s4_r = vec4f();
  var s5_l = vec4f();
  var s5_r = vec4f();
  var s6_l = vec4f();
  var s6_r = vec4f();
  var s7_l = vec4f();
  var s7_r = vec4f();
  for (var k = 0u; k < sizes.K; k++) {
    let v_l = b_at(b_l);
    let v_r = b_at(b_r);
    let x0 = f32(a[a0]);
    s0_l += x0 * v_l;
    s0_r += x0 * v_r;
    let x1 = f32(a[a1]);
    s1_l += x1 * v_l;
    s1_r += x1 * v_r;
    let x2 = f32(a[a2]);
    s2_l += x2 * v_l;
    s2_r += x2 * v_r;
    let x3 = f32(a[a3]);
    s3_l += x3 * v_l;
    s3_r += x3 * v_r;
    let x4 = f32(a[a4]);
    s4_l += x4 * v_l;
    s4_r += x4 * v_r;
    let x5 = f32(a[a5]);
    s5_l += x5 * v_l;
    s5_r += x5 * v_r;
    let x6 = f32(a[a6]);
    s6_l += x6 * v_l;
    s6_r += x6 * v_r;
    let x7 = f32(a[a7]);
    s7_l += x7 * v_l;
    s7_r += x7 * v_r;
    a0 += sizes.a_col;
    a1 += sizes.a_col;
    a2 += sizes.a_col;
    a3 += sizes.a_col;
    a4 += sizes.a_col;
    a5 += sizes.a_col;
    a6 += sizes.a_col;
    a7 += sizes.a_col;
    b_l += vec4u(sizes.b_row);
    b_r += vec4u(sizes.b_row);
  }
  var bias_l = vec4f();
  var bias_r = vec4f();
  if (sizes.HAS_BIAS == 1u) {
    bias_l = bias_at(col_l);
    bias_r = bias_at(col_r);
  }
  // A loop, because a compiler takes long over what each of 16 stores may have to add.
  var tile = array<vec4f, 16>(
    s0_l, s0_r, s1_l, s1_r, s2_l, s2_r, s3_l, s3_r,
    s4_l, s4_r, s5_l, s5_r, s6_l, s6_r, s7_l, s7_r,
  );
  for (var r = 0u; r < 8u && row + r < sizes.M; r++) {
    finish(row + r, col_l, batch, tile[2u * r] + bias_l);
    finish(row + r, col_r, batch, tile[2u * r + 1u] + bias_r);
  }
  if (sizes.HAS_SUMS == 1u && row == 0u) {
    b_l = min(col_l, vec4u(sizes.N - 1u)) * sizes.b_col;
    b_r = min(col_r, vec4u(sizes.N - 1u)) * sizes.b_col;
    s0_l = vec4f();
    s0_r = vec4f();
    for (var k = 0u; k < sizes.K; k++) {
      s0_l += b_at(b_l);
      s0_r += b_at(b_r);
      b_l += vec4u(sizes.b_row);
      b_r += vec4u(sizes.b_row);
    }
    finish_sums(col_l, s0_l);
    finish_sums(col_r, s0_r);
  }
}
`,

  'matmul_pack': `// matmul_pack: b as the subgroup forms of matmul read it: row by row, rows padded with zeros to whole vec4s.
// b (B,K,N) through row and column strides  ->  packed (B,K,COLUMNS vec4)
// grid: one invocation for a vec4 in 16 rows, folded; neighbouring invocations write neighbours. 16 rows, because where b is stored
// the other way they lie in one line of the cache, which is gone when another invocation asks for the next.
// lib: fold

alias Storage = f32;

struct Sizes { COUNT: u32, CHUNKS: u32, K: u32, N: u32, b_row: u32, b_col: u32, COLUMNS: u32 }

@group(0) @binding(0) var<storage, read> b: array<Storage>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec4<Storage>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.COUNT) {
    return;
  }
  let quad = i % sizes.COLUMNS;
  let chunk = i / sizes.COLUMNS;
  let entry = chunk / sizes.CHUNKS;
  let first = chunk % sizes.CHUNKS * 16u;
  let n = vec4u(4u * quad) + vec4u(0u, 1u, 2u, 3u);
  let there = n < vec4u(sizes.N);
  let column = vec4u(entry * sizes.K * sizes.N) + min(n, vec4u(sizes.N - 1u)) * sizes.b_col;
  for (var k = first; k < min(first + 16u, sizes.K); k++) {
    let at = column + k * sizes.b_row;
    let value = vec4<Storage>(b[at.x], b[at.y], b[at.z], b[at.w]);
    packed[(entry * sizes.K + k) * sizes.COLUMNS + quad] = select(vec4<Storage>(), value, there);
  }
}
`,

  'matmul_register': `// matmul_register: y = a b (+ bias) (+ residual) (+ y), by vec4 loads into registers alone, for GPUs whose cache serves neighbours well.
// a (B,M,K) or (B,K,M), b (B,K,N) or (B,N,K), the stored last axis of each and K divisible by four  ->  y (B,M,N)
// grid: tiles of 32 columns x 64 rows, one z a batch entry. A workgroup is 8 x 8 invocations; one computes 8 rows x 4 columns,
// four k at once: 12 loads serve 128 multiplications. A block that is stored the other way is transposed in registers.
// Sums run over k in f32, four at once, always in the same order. Loads outside are clamped to the last row and column,
// stores are guarded. With HAS_SUMS, also the sums of b's columns (+ sums): the first row of invocations reads b again.
// optional: bias, residual, sums

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  A_TRANSPOSED: u32,
  B_TRANSPOSED: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> a: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 32;
const TILE_Y = 64;

// Four rows of a at four k: a vector a row. \`start\` in vec4.
fn block_a(start: u32, row: u32, k: u32) -> mat4x4f {
  if (sizes.A_TRANSPOSED == 1u) {
    let step = sizes.M / 4u;
    let at = start + k * step + min(row / 4u, step - 1u);
    return transpose(mat4x4f(vec4f(a[at]), vec4f(a[at + step]), vec4f(a[at + 2u * step]), vec4f(a[at + 3u * step])));
  }
  let at = vec4u(start + k / 4u) + min(vec4u(row) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.M - 1u)) * (sizes.K / 4u);
  return mat4x4f(vec4f(a[at.x]), vec4f(a[at.y]), vec4f(a[at.z]), vec4f(a[at.w]));
}

// Four k of b at four columns: a vector a k. \`start\` in vec4.
fn block_b(start: u32, col: u32, k: u32) -> mat4x4f {
  if (sizes.B_TRANSPOSED == 1u) {
    let at = vec4u(start + k / 4u) + min(vec4u(col) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.N - 1u)) * (sizes.K / 4u);
    return transpose(mat4x4f(vec4f(b[at.x]), vec4f(b[at.y]), vec4f(b[at.z]), vec4f(b[at.w])));
  }
  let step = sizes.N / 4u;
  let at = start + k * step + min(col / 4u, step - 1u);
  return mat4x4f(vec4f(b[at]), vec4f(b[at + step]), vec4f(b[at + 2u * step]), vec4f(b[at + 3u * step]));
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) lane: vec3u) {
  let row = group.y * 64u + lane.y * 8u;
  let col = group.x * 32u + lane.x * 4u;
  let a_start = group.z * sizes.M * sizes.K / 4u;
  let b_start = group.z * sizes.K * sizes.N / 4u;
  var upper = mat4x4f();
  var lower = mat4x4f();
  for (var k = 0u; k < sizes.K; k += 4u) {
    // A vector of \`upper\` is a row of the result: (k by column) times (a's row over k).
    let v = block_b(b_start, col, k);
    upper += v * block_a(a_start, row, k);
    lower += v * block_a(a_start, row + 4u, k);
  }
  var tile = array<vec4f, 8>(upper[0], upper[1], upper[2], upper[3], lower[0], lower[1], lower[2], lower[3]);
  for (var r = 0u; r < 8u && row + r < sizes.M; r++) {
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
  if (sizes.HAS_SUMS == 1u && row == 0u) {
    var total = vec4f();
    for (var k = 0u; k < sizes.K; k += 4u) {
      let v = block_b(b_start, col, k);
      total += v[0];
      total += v[1];
      total += v[2];
      total += v[3];
    }
    for (var j = 0u; j < 4u && col + j < sizes.N; j++) {
      var value = total[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[col + j];
      }
      sums[col + j] = value;
    }
  }
}
`,

  'matmul_shared': `// matmul_shared: y = a b (+ bias) (+ residual) (+ y), through workgroup memory, for GPUs; slow where a barrier is (software adapters).
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
`,

  'matmul_subgroup4': `// matmul_subgroup4: y = a b (+ bias) (+ residual) (+ y), for adapters whose subgroups have exactly four lanes; wrong on any other.
// a (B,M,K) through row and column strides, b (B,K,COLUMNS vec4): rows of N elements and padding  ->  y (B,M,N)
// grid: tiles of 32 columns x 16 rows, one z a batch entry. A workgroup is one subgroup; a lane computes 16 rows x 8 columns.
// On a software adapter a load costs far more than a multiplication: each lane loads one row's element of a for every 4
// rows, and the subgroup passes them round by broadcast; b comes as vec4. Sums run over k in order, in f32.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// optional: bias, residual, sums
enable subgroups;

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  COLUMNS: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 32;
const TILE_Y = 16;

fn bias_at(col: u32) -> vec4f {
  let n = min(vec4u(col * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.N - 1u));
  return vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
}

fn finish(row: u32, col: u32, batch: u32, sum: vec4f) {
  let start = (batch * sizes.M + row) * sizes.N;
  for (var j = 0u; j < 4u; j++) {
    let n = col * 4u + j;
    if (n < sizes.N) {
      var value = sum[j];
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[start + n]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[start + n]);
      }
      y[start + n] = Result(value);
    }
  }
}

fn finish_sums(col: u32, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    let n = col * 4u + j;
    if (n < sizes.N) {
      var value = sum[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[n];
      }
      sums[n] = value;
    }
  }
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 16u;
  let columns = sizes.COLUMNS;
  let col_l = group.x * 8u + lane;
  let col_r = col_l + 4u;
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  var b_l = batch * sizes.K * columns + min(col_l, columns - 1u);
  var b_r = batch * sizes.K * columns + min(col_r, columns - 1u);
  var a0 = a_start + min(row + lane, last_row) * sizes.a_row;
  var a1 = a_start + min(row + lane + 4u, last_row) * sizes.a_row;
  var a2 = a_start + min(row + lane + 8u, last_row) * sizes.a_row;
  var a3 = a_start + min(row + lane + 12u, last_row) * sizes.a_row;
  var s0_l = vec4f();
  var s0_r = vec4f();
  var s1_l = vec4f();
  var s1_r = vec4f();
  var s2_l = vec4f();
  var s2_r = vec4f();
  var s3_l = vec4f();
  var s3_r = vec4f();
  var s4_l = vec4f();
  var s4_r = vec4f();
  var s5_l = vec4f();
  var s5_r = vec4f();
  var s6_l = vec4f();
  var s6_r = vec4f();
  var s7_l = vec4f();
  var s7_r = vec4f();
  var s8_l = vec4f();
  var s8_r = vec4f();
  var s9_l = vec4f();
  var s9_r = vec4f();
  var s10_l = vec4f();
  var s10_r = vec4f();
  var s11_l = vec4f();
  var s11_r = vec4f();
  var s12_l = vec4f();
  var s12_r = vec4f();
  var s13_l = vec4f();
  var s13_r = vec4f();
  var s14_l = vec4f();
  var s14_r = vec4f();
  var s15_l = vec4f();
  var s15_r = vec4f();
  for (var k = 0u; k < sizes.K; k++) {
    let w0 = f32(a[a0]);
    let w1 = f32(a[a1]);
    let w2 = f32(a[a2]);
    let w3 = f32(a[a3]);
    let v_l = vec4f(b[b_l]);
    let v_r = vec4f(b[b_r]);
    let x0 = subgroupBroadcast(w0, 0u);
    s0_l += x0 * v_l;
    s0_r += x0 * v_r;
    let x1 = subgroupBroadcast(w0, 1u);
    s1_l += x1 * v_l;
    s1_r += x1 * v_r;
    let x2 = subgroupBroadcast(w0, 2u);
    s2_l += x2 * v_l;
    s2_r += x2 * v_r;
    let x3 = subgroupBroadcast(w0, 3u);
    s3_l += x3 * v_l;
    s3_r += x3 * v_r;
    let x4 = subgroupBroadcast(w1, 0u);
    s4_l += x4 * v_l;
    s4_r += x4 * v_r;
    let x5 = subgroupBroadcast(w1, 1u);
    s5_l += x5 * v_l;
    s5_r += x5 * v_r;
    let x6 = subgroupBroadcast(w1, 2u);
    s6_l += x6 * v_l;
    s6_r += x6 * v_r;
    let x7 = subgroupBroadcast(w1, 3u);
    s7_l += x7 * v_l;
    s7_r += x7 * v_r;
    let x8 = subgroupBroadcast(w2, 0u);
    s8_l += x8 * v_l;
    s8_r += x8 * v_r;
    let x9 = subgroupBroadcast(w2, 1u);
    s9_l += x9 * v_l;
    s9_r += x9 * v_r;
    let x10 = subgroupBroadcast(w2, 2u);
    s10_l += x10 * v_l;
    s10_r += x10 * v_r;
    let x11 = subgroupBroadcast(w2, 3u);
    s11_l += x11 * v_l;
    s11_r += x11 * v_r;
    let x12 = subgroupBroadcast(w3, 0u);
    s12_l += x12 * v_l;
    s12_r += x12 * v_r;
    let x13 = subgroupBroadcast(w3, 1u);
    s13_l += x13 * v_l;
    s13_r += x13 * v_r;
    let x14 = subgroupBroadcast(w3, 2u);
    s14_l += x14 * v_l;
    s14_r += x14 * v_r;
    let x15 = subgroupBroadcast(w3, 3u);
    s15_l += x15 * v_l;
    s15_r += x15 * v_r;
    a0 += sizes.a_col;
    a1 += sizes.a_col;
    a2 += sizes.a_col;
    a3 += sizes.a_col;
    b_l += columns;
    b_r += columns;
  }
  var bias_l = vec4f();
  var bias_r = vec4f();
  if (sizes.HAS_BIAS == 1u) {
    bias_l = bias_at(col_l);
    bias_r = bias_at(col_r);
  }
  // A loop, because a compiler takes long over what each of 32 stores may have to add.
  var tile = array<vec4f, 32>(
    s0_l, s0_r, s1_l, s1_r, s2_l, s2_r, s3_l, s3_r,
    s4_l, s4_r, s5_l, s5_r, s6_l, s6_r, s7_l, s7_r,
    s8_l, s8_r, s9_l, s9_r, s10_l, s10_r, s11_l, s11_r,
    s12_l, s12_r, s13_l, s13_r, s14_l, s14_r, s15_l, s15_r,
  );
  for (var r = 0u; r < min(16u, sizes.M - row); r++) {
    finish(row + r, col_l, batch, tile[2u * r] + bias_l);
    finish(row + r, col_r, batch, tile[2u * r + 1u] + bias_r);
  }
  if (sizes.HAS_SUMS == 1u && group.y == 0u) {
    b_l = min(col_l, columns - 1u);
    b_r = min(col_r, columns - 1u);
    s0_l = vec4f();
    s0_r = vec4f();
    for (var k = 0u; k < sizes.K; k++) {
      s0_l += vec4f(b[b_l]);
      s0_r += vec4f(b[b_r]);
      b_l += columns;
      b_r += columns;
    }
    finish_sums(col_l, s0_l);
    finish_sums(col_r, s0_r);
  }
}
`,

  'matmul_subgroup8': `// matmul_subgroup8: y = a b (+ bias) (+ residual) (+ y), for adapters whose subgroups have exactly eight lanes; wrong on any other.
// a (B,M,K) through row and column strides, b (B,K,COLUMNS vec4): rows of N elements and padding  ->  y (B,M,N)
// grid: tiles of 64 columns x 16 rows, one z a batch entry. A workgroup is one subgroup; a lane computes 16 rows x 8 columns.
// On a software adapter a load costs far more than a multiplication: each lane loads one row's element of a for every 8
// rows, and the subgroup passes them round by broadcast; b comes as vec4. A step takes two k, because what a loop carries from
// step to step costs as much as a multiplication: lanes that left the loop must keep theirs. Sums run over k in order, in f32.
// The sums are variables, written out, and no array in a loop over rows: that is what lavapipe compiles for 10 s and more.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// optional: bias, residual, sums
enable subgroups;

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  COLUMNS: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;
const TILE_Y = 16;

fn bias_at(col: u32) -> vec4f {
  let n = min(vec4u(col * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.N - 1u));
  return vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
}

fn finish(row: u32, col: u32, batch: u32, sum: vec4f) {
  let at = (batch * sizes.M + row) * sizes.N + col * 4u;
  let here = min(4u, max(sizes.N, col * 4u) - col * 4u);
  // Written out for whole vectors: lanes of a loop cost more than its instructions.
  if (here == 4u) {
    var value = sum;
    if (sizes.HAS_RESIDUAL == 1u) {
      value += vec4f(f32(residual[at]), f32(residual[at + 1u]), f32(residual[at + 2u]), f32(residual[at + 3u]));
    }
    if (sizes.ACCUMULATE == 1u) {
      value += vec4f(f32(y[at]), f32(y[at + 1u]), f32(y[at + 2u]), f32(y[at + 3u]));
    }
    y[at] = Result(value.x);
    y[at + 1u] = Result(value.y);
    y[at + 2u] = Result(value.z);
    y[at + 3u] = Result(value.w);
  } else {
    for (var j = 0u; j < here; j++) {
      var value = sum[j];
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[at + j]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[at + j]);
      }
      y[at + j] = Result(value);
    }
  }
}

fn finish_sums(col: u32, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    let n = col * 4u + j;
    if (n < sizes.N) {
      var value = sum[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[n];
      }
      sums[n] = value;
    }
  }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 16u;
  let columns = sizes.COLUMNS;
  let col_l = group.x * 16u + lane;
  let col_r = col_l + 8u;
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  var b_l = batch * sizes.K * columns + min(col_l, columns - 1u);
  var b_r = batch * sizes.K * columns + min(col_r, columns - 1u);
  var a0 = a_start + min(row + lane, last_row) * sizes.a_row;
  var a1 = a_start + min(row + lane + 8u, last_row) * sizes.a_row;
  var s0_l = vec4f();
  var s0_r = vec4f();
  var s1_l = vec4f();
  var s1_r = vec4f();
  var s2_l = vec4f();
  var s2_r = vec4f();
  var s3_l = vec4f();
  var s3_r = vec4f();
  var s4_l = vec4f();
  var s4_r = vec4f();
  var s5_l = vec4f();
  var s5_r = vec4f();
  var s6_l = vec4f();
  var s6_r = vec4f();
  var s7_l = vec4f();
  var s7_r = vec4f();
  var s8_l = vec4f();
  var s8_r = vec4f();
  var s9_l = vec4f();
  var s9_r = vec4f();
  var s10_l = vec4f();
  var s10_r = vec4f();
  var s11_l = vec4f();
  var s11_r = vec4f();
  var s12_l = vec4f();
  var s12_r = vec4f();
  var s13_l = vec4f();
  var s13_r = vec4f();
  var s14_l = vec4f();
  var s14_r = vec4f();
  var s15_l = vec4f();
  var s15_r = vec4f();
  for (var k = 0u; k < sizes.K; k += 2u) {
    // The last step of an odd K takes its one row of b twice, the second time by zero.
    let both = k + 1u < sizes.K;
    let a_next = select(0u, sizes.a_col, both);
    let b_next = select(0u, columns, both);
    let p0 = f32(a[a0]);
    let q0 = select(0.0, f32(a[a0 + a_next]), both);
    let p1 = f32(a[a1]);
    let q1 = select(0.0, f32(a[a1 + a_next]), both);
    let v_l = vec4f(b[b_l]);
    let v_r = vec4f(b[b_r]);
    let w_l = vec4f(b[b_l + b_next]);
    let w_r = vec4f(b[b_r + b_next]);
    let x0 = subgroupBroadcast(p0, 0u);
    let z0 = subgroupBroadcast(q0, 0u);
    s0_l = s0_l + x0 * v_l + z0 * w_l;
    s0_r = s0_r + x0 * v_r + z0 * w_r;
    let x1 = subgroupBroadcast(p0, 1u);
    let z1 = subgroupBroadcast(q0, 1u);
    s1_l = s1_l + x1 * v_l + z1 * w_l;
    s1_r = s1_r + x1 * v_r + z1 * w_r;
    let x2 = subgroupBroadcast(p0, 2u);
    let z2 = subgroupBroadcast(q0, 2u);
    s2_l = s2_l + x2 * v_l + z2 * w_l;
    s2_r = s2_r + x2 * v_r + z2 * w_r;
    let x3 = subgroupBroadcast(p0, 3u);
    let z3 = subgroupBroadcast(q0, 3u);
    s3_l = s3_l + x3 * v_l + z3 * w_l;
    s3_r = s3_r + x3 * v_r + z3 * w_r;
    let x4 = subgroupBroadcast(p0, 4u);
    let z4 = subgroupBroadcast(q0, 4u);
    s4_l = s4_l + x4 * v_l + z4 * w_l;
    s4_r = s4_r + x4 * v_r + z4 * w_r;
    let x5 = subgroupBroadcast(p0, 5u);
    let z5 = subgroupBroadcast(q0, 5u);
    s5_l = s5_l + x5 * v_l + z5 * w_l;
    s5_r = s5_r + x5 * v_r + z5 * w_r;
    let x6 = subgroupBroadcast(p0, 6u);
    let z6 = subgroupBroadcast(q0, 6u);
    s6_l = s6_l + x6 * v_l + z6 * w_l;
    s6_r = s6_r + x6 * v_r + z6 * w_r;
    let x7 = subgroupBroadcast(p0, 7u);
    let z7 = subgroupBroadcast(q0, 7u);
    s7_l = s7_l + x7 * v_l + z7 * w_l;
    s7_r = s7_r + x7 * v_r + z7 * w_r;
    let x8 = subgroupBroadcast(p1, 0u);
    let z8 = subgroupBroadcast(q1, 0u);
    s8_l = s8_l + x8 * v_l + z8 * w_l;
    s8_r = s8_r + x8 * v_r + z8 * w_r;
    let x9 = subgroupBroadcast(p1, 1u);
    let z9 = subgroupBroadcast(q1, 1u);
    s9_l = s9_l + x9 * v_l + z9 * w_l;
    s9_r = s9_r + x9 * v_r + z9 * w_r;
    let x10 = subgroupBroadcast(p1, 2u);
    let z10 = subgroupBroadcast(q1, 2u);
    s10_l = s10_l + x10 * v_l + z10 * w_l;
    s10_r = s10_r + x10 * v_r + z10 * w_r;
    let x11 = subgroupBroadcast(p1, 3u);
    let z11 = subgroupBroadcast(q1, 3u);
    s11_l = s11_l + x11 * v_l + z11 * w_l;
    s11_r = s11_r + x11 * v_r + z11 * w_r;
    let x12 = subgroupBroadcast(p1, 4u);
    let z12 = subgroupBroadcast(q1, 4u);
    s12_l = s12_l + x12 * v_l + z12 * w_l;
    s12_r = s12_r + x12 * v_r + z12 * w_r;
    let x13 = subgroupBroadcast(p1, 5u);
    let z13 = subgroupBroadcast(q1, 5u);
    s13_l = s13_l + x13 * v_l + z13 * w_l;
    s13_r = s13_r + x13 * v_r + z13 * w_r;
    let x14 = subgroupBroadcast(p1, 6u);
    let z14 = subgroupBroadcast(q1, 6u);
    s14_l = s14_l + x14 * v_l + z14 * w_l;
    s14_r = s14_r + x14 * v_r + z14 * w_r;
    let x15 = subgroupBroadcast(p1, 7u);
    let z15 = subgroupBroadcast(q1, 7u);
    s15_l = s15_l + x15 * v_l + z15 * w_l;
    s15_r = s15_r + x15 * v_r + z15 * w_r;
    a0 += 2u * sizes.a_col;
    a1 += 2u * sizes.a_col;
    b_l += 2u * columns;
    b_r += 2u * columns;
  }
  var bias_l = vec4f();
  var bias_r = vec4f();
  if (sizes.HAS_BIAS == 1u) {
    bias_l = bias_at(col_l);
    bias_r = bias_at(col_r);
  }
  // A loop, because a compiler takes long over what each of 32 stores may have to add.
  var tile = array<vec4f, 32>(
    s0_l, s0_r, s1_l, s1_r, s2_l, s2_r, s3_l, s3_r,
    s4_l, s4_r, s5_l, s5_r, s6_l, s6_r, s7_l, s7_r,
    s8_l, s8_r, s9_l, s9_r, s10_l, s10_r, s11_l, s11_r,
    s12_l, s12_r, s13_l, s13_r, s14_l, s14_r, s15_l, s15_r,
  );
  for (var r = 0u; r < min(16u, sizes.M - row); r++) {
    finish(row + r, col_l, batch, tile[2u * r] + bias_l);
    finish(row + r, col_r, batch, tile[2u * r + 1u] + bias_r);
  }
  if (sizes.HAS_SUMS == 1u && group.y == 0u) {
    b_l = min(col_l, columns - 1u);
    b_r = min(col_r, columns - 1u);
    s0_l = vec4f();
    s0_r = vec4f();
    for (var k = 0u; k < sizes.K; k++) {
      s0_l += vec4f(b[b_l]);
      s0_r += vec4f(b[b_r]);
      b_l += columns;
      b_r += columns;
    }
    finish_sums(col_l, s0_l);
    finish_sums(col_r, s0_r);
  }
}
`,

  'matmul_subgroup8_32': `// matmul_subgroup8_32: y = a b (+ bias) (+ residual) (+ y), for adapters whose subgroups have exactly eight lanes; wrong on any other.
// a (B,M,K) through row and column strides, b (B,K,COLUMNS vec4): rows of N elements and padding  ->  y (B,M,N)
// grid: tiles of 64 columns x 32 rows, one z a batch entry. A workgroup is one subgroup; a lane computes 32 rows x 8 columns.
// With ROWS_FIRST x counts the tiles of rows and y those of columns: a long b is then read from far away once, not for every row of tiles.
// On a software adapter a load costs far more than a multiplication: each lane loads one row's element of a for every 8
// rows, and the subgroup passes them round by broadcast; b comes as vec4. A step takes two k, because what a loop carries from
// step to step costs as much as a multiplication: lanes that left the loop must keep theirs. Sums run over k in order, in f32.
// The sums are variables, written out, and no array in a loop over rows: that is what lavapipe compiles for 10 s and more.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// optional: bias, residual, sums
enable subgroups;

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  COLUMNS: u32,
  ROWS_FIRST: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;
const TILE_Y = 32;

fn bias_at(col: u32) -> vec4f {
  let n = min(vec4u(col * 4u) + vec4u(0u, 1u, 2u, 3u), vec4u(sizes.N - 1u));
  return vec4f(bias[n.x], bias[n.y], bias[n.z], bias[n.w]);
}

fn finish(row: u32, col: u32, batch: u32, sum: vec4f) {
  let at = (batch * sizes.M + row) * sizes.N + col * 4u;
  let here = min(4u, max(sizes.N, col * 4u) - col * 4u);
  // Written out for whole vectors: lanes of a loop cost more than its instructions.
  if (here == 4u) {
    var value = sum;
    if (sizes.HAS_RESIDUAL == 1u) {
      value += vec4f(f32(residual[at]), f32(residual[at + 1u]), f32(residual[at + 2u]), f32(residual[at + 3u]));
    }
    if (sizes.ACCUMULATE == 1u) {
      value += vec4f(f32(y[at]), f32(y[at + 1u]), f32(y[at + 2u]), f32(y[at + 3u]));
    }
    y[at] = Result(value.x);
    y[at + 1u] = Result(value.y);
    y[at + 2u] = Result(value.z);
    y[at + 3u] = Result(value.w);
  } else {
    for (var j = 0u; j < here; j++) {
      var value = sum[j];
      if (sizes.HAS_RESIDUAL == 1u) {
        value += f32(residual[at + j]);
      }
      if (sizes.ACCUMULATE == 1u) {
        value += f32(y[at + j]);
      }
      y[at + j] = Result(value);
    }
  }
}

fn finish_sums(col: u32, sum: vec4f) {
  for (var j = 0u; j < 4u; j++) {
    let n = col * 4u + j;
    if (n < sizes.N) {
      var value = sum[j];
      if (sizes.ACCUMULATE_SUMS == 1u) {
        value += sums[n];
      }
      sums[n] = value;
    }
  }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let place = select(group.xy, group.yx, sizes.ROWS_FIRST == 1u);
  let row = place.y * 32u;
  let columns = sizes.COLUMNS;
  let col_l = place.x * 16u + lane;
  let col_r = col_l + 8u;
  let batch = group.z;
  let last_row = sizes.M - 1u;
  let a_start = batch * sizes.M * sizes.K;
  var b_l = batch * sizes.K * columns + min(col_l, columns - 1u);
  var b_r = batch * sizes.K * columns + min(col_r, columns - 1u);
  var a0 = a_start + min(row + lane, last_row) * sizes.a_row;
  var a1 = a_start + min(row + lane + 8u, last_row) * sizes.a_row;
  var a2 = a_start + min(row + lane + 16u, last_row) * sizes.a_row;
  var a3 = a_start + min(row + lane + 24u, last_row) * sizes.a_row;
  var s0_l = vec4f();
  var s0_r = vec4f();
  var s1_l = vec4f();
  var s1_r = vec4f();
  var s2_l = vec4f();
  var s2_r = vec4f();
  var s3_l = vec4f();
  var s3_r = vec4f();
  var s4_l = vec4f();
  var s4_r = vec4f();
  var s5_l = vec4f();
  var s5_r = vec4f();
  var s6_l = vec4f();
  var s6_r = vec4f();
  var s7_l = vec4f();
  var s7_r = vec4f();
  var s8_l = vec4f();
  var s8_r = vec4f();
  var s9_l = vec4f();
  var s9_r = vec4f();
  var s10_l = vec4f();
  var s10_r = vec4f();
  var s11_l = vec4f();
  var s11_r = vec4f();
  var s12_l = vec4f();
  var s12_r = vec4f();
  var s13_l = vec4f();
  var s13_r = vec4f();
  var s14_l = vec4f();
  var s14_r = vec4f();
  var s15_l = vec4f();
  var s15_r = vec4f();
  var s16_l = vec4f();
  var s16_r = vec4f();
  var s17_l = vec4f();
  var s17_r = vec4f();
  var s18_l = vec4f();
  var s18_r = vec4f();
  var s19_l = vec4f();
  var s19_r = vec4f();
  var s20_l = vec4f();
  var s20_r = vec4f();
  var s21_l = vec4f();
  var s21_r = vec4f();
  var s22_l = vec4f();
  var s22_r = vec4f();
  var s23_l = vec4f();
  var s23_r = vec4f();
  var s24_l = vec4f();
  var s24_r = vec4f();
  var s25_l = vec4f();
  var s25_r = vec4f();
  var s26_l = vec4f();
  var s26_r = vec4f();
  var s27_l = vec4f();
  var s27_r = vec4f();
  var s28_l = vec4f();
  var s28_r = vec4f();
  var s29_l = vec4f();
  var s29_r = vec4f();
  var s30_l = vec4f();
  var s30_r = vec4f();
  var s31_l = vec4f();
  var s31_r = vec4f();
  for (var k = 0u; k < sizes.K; k += 2u) {
    // The last step of an odd K takes its one row of b twice, the second time by zero.
    let both = k + 1u < sizes.K;
    let a_next = select(0u, sizes.a_col, both);
    let b_next = select(0u, columns, both);
    let p0 = f32(a[a0]);
    let q0 = select(0.0, f32(a[a0 + a_next]), both);
    let p1 = f32(a[a1]);
    let q1 = select(0.0, f32(a[a1 + a_next]), both);
    let p2 = f32(a[a2]);
    let q2 = select(0.0, f32(a[a2 + a_next]), both);
    let p3 = f32(a[a3]);
    let q3 = select(0.0, f32(a[a3 + a_next]), both);
    let v_l = vec4f(b[b_l]);
    let v_r = vec4f(b[b_r]);
    let w_l = vec4f(b[b_l + b_next]);
    let w_r = vec4f(b[b_r + b_next]);
    let x0 = subgroupBroadcast(p0, 0u);
    let z0 = subgroupBroadcast(q0, 0u);
    s0_l = s0_l + x0 * v_l + z0 * w_l;
    s0_r = s0_r + x0 * v_r + z0 * w_r;
    let x1 = subgroupBroadcast(p0, 1u);
    let z1 = subgroupBroadcast(q0, 1u);
    s1_l = s1_l + x1 * v_l + z1 * w_l;
    s1_r = s1_r + x1 * v_r + z1 * w_r;
    let x2 = subgroupBroadcast(p0, 2u);
    let z2 = subgroupBroadcast(q0, 2u);
    s2_l = s2_l + x2 * v_l + z2 * w_l;
    s2_r = s2_r + x2 * v_r + z2 * w_r;
    let x3 = subgroupBroadcast(p0, 3u);
    let z3 = subgroupBroadcast(q0, 3u);
    s3_l = s3_l + x3 * v_l + z3 * w_l;
    s3_r = s3_r + x3 * v_r + z3 * w_r;
    let x4 = subgroupBroadcast(p0, 4u);
    let z4 = subgroupBroadcast(q0, 4u);
    s4_l = s4_l + x4 * v_l + z4 * w_l;
    s4_r = s4_r + x4 * v_r + z4 * w_r;
    let x5 = subgroupBroadcast(p0, 5u);
    let z5 = subgroupBroadcast(q0, 5u);
    s5_l = s5_l + x5 * v_l + z5 * w_l;
    s5_r = s5_r + x5 * v_r + z5 * w_r;
    let x6 = subgroupBroadcast(p0, 6u);
    let z6 = subgroupBroadcast(q0, 6u);
    s6_l = s6_l + x6 * v_l + z6 * w_l;
    s6_r = s6_r + x6 * v_r + z6 * w_r;
    let x7 = subgroupBroadcast(p0, 7u);
    let z7 = subgroupBroadcast(q0, 7u);
    s7_l = s7_l + x7 * v_l + z7 * w_l;
    s7_r = s7_r + x7 * v_r + z7 * w_r;
    let x8 = subgroupBroadcast(p1, 0u);
    let z8 = subgroupBroadcast(q1, 0u);
    s8_l = s8_l + x8 * v_l + z8 * w_l;
    s8_r = s8_r + x8 * v_r + z8 * w_r;
    let x9 = subgroupBroadcast(p1, 1u);
    let z9 = subgroupBroadcast(q1, 1u);
    s9_l = s9_l + x9 * v_l + z9 * w_l;
    s9_r = s9_r + x9 * v_r + z9 * w_r;
    let x10 = subgroupBroadcast(p1, 2u);
    let z10 = subgroupBroadcast(q1, 2u);
    s10_l = s10_l + x10 * v_l + z10 * w_l;
    s10_r = s10_r + x10 * v_r + z10 * w_r;
    let x11 = subgroupBroadcast(p1, 3u);
    let z11 = subgroupBroadcast(q1, 3u);
    s11_l = s11_l + x11 * v_l + z11 * w_l;
    s11_r = s11_r + x11 * v_r + z11 * w_r;
    let x12 = subgroupBroadcast(p1, 4u);
    let z12 = subgroupBroadcast(q1, 4u);
    s12_l = s12_l + x12 * v_l + z12 * w_l;
    s12_r = s12_r + x12 * v_r + z12 * w_r;
    let x13 = subgroupBroadcast(p1, 5u);
    let z13 = subgroupBroadcast(q1, 5u);
    s13_l = s13_l + x13 * v_l + z13 * w_l;
    s13_r = s13_r + x13 * v_r + z13 * w_r;
    let x14 = subgroupBroadcast(p1, 6u);
    let z14 = subgroupBroadcast(q1, 6u);
    s14_l = s14_l + x14 * v_l + z14 * w_l;
    s14_r = s14_r + x14 * v_r + z14 * w_r;
    let x15 = subgroupBroadcast(p1, 7u);
    let z15 = subgroupBroadcast(q1, 7u);
    s15_l = s15_l + x15 * v_l + z15 * w_l;
    s15_r = s15_r + x15 * v_r + z15 * w_r;
    let x16 = subgroupBroadcast(p2, 0u);
    let z16 = subgroupBroadcast(q2, 0u);
    s16_l = s16_l + x16 * v_l + z16 * w_l;
    s16_r = s16_r + x16 * v_r + z16 * w_r;
    let x17 = subgroupBroadcast(p2, 1u);
    let z17 = subgroupBroadcast(q2, 1u);
    s17_l = s17_l + x17 * v_l + z17 * w_l;
    s17_r = s17_r + x17 * v_r + z17 * w_r;
    let x18 = subgroupBroadcast(p2, 2u);
    let z18 = subgroupBroadcast(q2, 2u);
    s18_l = s18_l + x18 * v_l + z18 * w_l;
    s18_r = s18_r + x18 * v_r + z18 * w_r;
    let x19 = subgroupBroadcast(p2, 3u);
    let z19 = subgroupBroadcast(q2, 3u);
    s19_l = s19_l + x19 * v_l + z19 * w_l;
    s19_r = s19_r + x19 * v_r + z19 * w_r;
    let x20 = subgroupBroadcast(p2, 4u);
    let z20 = subgroupBroadcast(q2, 4u);
    s20_l = s20_l + x20 * v_l + z20 * w_l;
    s20_r = s20_r + x20 * v_r + z20 * w_r;
    let x21 = subgroupBroadcast(p2, 5u);
    let z21 = subgroupBroadcast(q2, 5u);
    s21_l = s21_l + x21 * v_l + z21 * w_l;
    s21_r = s21_r + x21 * v_r + z21 * w_r;
    let x22 = subgroupBroadcast(p2, 6u);
    let z22 = subgroupBroadcast(q2, 6u);
    s22_l = s22_l + x22 * v_l + z22 * w_l;
    s22_r = s22_r + x22 * v_r + z22 * w_r;
    let x23 = subgroupBroadcast(p2, 7u);
    let z23 = subgroupBroadcast(q2, 7u);
    s23_l = s23_l + x23 * v_l + z23 * w_l;
    s23_r = s23_r + x23 * v_r + z23 * w_r;
    let x24 = subgroupBroadcast(p3, 0u);
    let z24 = subgroupBroadcast(q3, 0u);
    s24_l = s24_l + x24 * v_l + z24 * w_l;
    s24_r = s24_r + x24 * v_r + z24 * w_r;
    let x25 = subgroupBroadcast(p3, 1u);
    let z25 = subgroupBroadcast(q3, 1u);
    s25_l = s25_l + x25 * v_l + z25 * w_l;
    s25_r = s25_r + x25 * v_r + z25 * w_r;
    let x26 = subgroupBroadcast(p3, 2u);
    let z26 = subgroupBroadcast(q3, 2u);
    s26_l = s26_l + x26 * v_l + z26 * w_l;
    s26_r = s26_r + x26 * v_r + z26 * w_r;
    let x27 = subgroupBroadcast(p3, 3u);
    let z27 = subgroupBroadcast(q3, 3u);
    s27_l = s27_l + x27 * v_l + z27 * w_l;
    s27_r = s27_r + x27 * v_r + z27 * w_r;
    let x28 = subgroupBroadcast(p3, 4u);
    let z28 = subgroupBroadcast(q3, 4u);
    s28_l = s28_l + x28 * v_l + z28 * w_l;
    s28_r = s28_r + x28 * v_r + z28 * w_r;
    let x29 = subgroupBroadcast(p3, 5u);
    let z29 = subgroupBroadcast(q3, 5u);
    s29_l = s29_l + x29 * v_l + z29 * w_l;
    s29_r = s29_r + x29 * v_r + z29 * w_r;
    let x30 = subgroupBroadcast(p3, 6u);
    let z30 = subgroupBroadcast(q3, 6u);
    s30_l = s30_l + x30 * v_l + z30 * w_l;
    s30_r = s30_r + x30 * v_r + z30 * w_r;
    let x31 = subgroupBroadcast(p3, 7u);
    let z31 = subgroupBroadcast(q3, 7u);
    s31_l = s31_l + x31 * v_l + z31 * w_l;
    s31_r = s31_r + x31 * v_r + z31 * w_r;
    a0 += 2u * sizes.a_col;
    a1 += 2u * sizes.a_col;
    a2 += 2u * sizes.a_col;
    a3 += 2u * sizes.a_col;
    b_l += 2u * columns;
    b_r += 2u * columns;
  }
  var bias_l = vec4f();
  var bias_r = vec4f();
  if (sizes.HAS_BIAS == 1u) {
    bias_l = bias_at(col_l);
    bias_r = bias_at(col_r);
  }
  // A loop, because a compiler takes long over what each of 64 stores may have to add.
  var tile = array<vec4f, 64>(
    s0_l, s0_r, s1_l, s1_r, s2_l, s2_r, s3_l, s3_r,
    s4_l, s4_r, s5_l, s5_r, s6_l, s6_r, s7_l, s7_r,
    s8_l, s8_r, s9_l, s9_r, s10_l, s10_r, s11_l, s11_r,
    s12_l, s12_r, s13_l, s13_r, s14_l, s14_r, s15_l, s15_r,
    s16_l, s16_r, s17_l, s17_r, s18_l, s18_r, s19_l, s19_r,
    s20_l, s20_r, s21_l, s21_r, s22_l, s22_r, s23_l, s23_r,
    s24_l, s24_r, s25_l, s25_r, s26_l, s26_r, s27_l, s27_r,
    s28_l, s28_r, s29_l, s29_r, s30_l, s30_r, s31_l, s31_r,
  );
  for (var r = 0u; r < min(32u, sizes.M - row); r++) {
    finish(row + r, col_l, batch, tile[2u * r] + bias_l);
    finish(row + r, col_r, batch, tile[2u * r + 1u] + bias_r);
  }
  if (sizes.HAS_SUMS == 1u && place.y == 0u) {
    b_l = min(col_l, columns - 1u);
    b_r = min(col_r, columns - 1u);
    s0_l = vec4f();
    s0_r = vec4f();
    for (var k = 0u; k < sizes.K; k++) {
      s0_l += vec4f(b[b_l]);
      s0_r += vec4f(b[b_r]);
      b_l += columns;
      b_r += columns;
    }
    finish_sums(col_l, s0_l);
    finish_sums(col_r, s0_r);
  }
}
`,

  'matmul_subgroup_matrix_16x16x16': `// matmul_subgroup_matrix_16x16x16: y = a b (+ bias) (+ residual) (+ y), by products of 16 x 16 blocks over 16 k in hardware, for adapters
// that offer them with sums in f32. Its files differ in three numbers, which WGSL wants as constants.
// a (B,M,K) or (B,K,M), b (B,K,N) or (B,N,K), whole blocks of each  ->  y (B,M,N)
// grid: tiles of 64 columns x 64 rows, one z a batch entry. A tile is four strips of 16 rows; a subgroup, of whatever size up to
// 128, takes some of them, reads their blocks from storage, and leaves the result in workgroup memory. Then all store it.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// Source: proposals/subgroup-matrix.md of gpuweb, and Dawn's docs/dawn/features/subgroup_matrix.md.
// optional: bias, residual, sums
enable chromium_experimental_subgroup_matrix;
enable subgroups;
// Strips are uniform in a subgroup, which the analysis cannot see.
diagnostic(off, chromium.subgroup_matrix_uniformity);

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  A_TRANSPOSED: u32,
  B_TRANSPOSED: u32,
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
const BLOCK_M = 16u;
const BLOCK_N = 16u;
const BLOCK_K = 16u;
const DOWN = 16u / BLOCK_M;
const ACROSS = 64u / BLOCK_N;

alias Left = subgroup_matrix_left<Storage, BLOCK_K, BLOCK_M>;
alias Right = subgroup_matrix_right<Storage, BLOCK_N, BLOCK_K>;
alias Sum = subgroup_matrix_result<f32, BLOCK_N, BLOCK_M>;

var<workgroup> tile: array<f32, 4096>;

fn left_at(start: u32, row: u32, k: u32) -> Left {
  if (sizes.A_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Left, col_major>(&a, start + k * sizes.M + row, sizes.M);
  }
  return subgroupMatrixLoad<Left, row_major>(&a, start + row * sizes.K + k, sizes.K);
}

fn right_at(start: u32, k: u32, col: u32) -> Right {
  if (sizes.B_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Right, col_major>(&b, start + col * sizes.K + k, sizes.K);
  }
  return subgroupMatrixLoad<Right, row_major>(&b, start + k * sizes.N + col, sizes.N);
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(num_subgroups) subgroups: u32,
) {
  let a_start = group.z * sizes.M * sizes.K;
  let b_start = group.z * sizes.K * sizes.N;
  for (var strip = subgroup; strip < 4u; strip += subgroups) {
    let row = group.y * 64u + strip * 16u;
    var sum: array<Sum, DOWN * ACROSS>;
    for (var k = 0u; k < sizes.K; k += BLOCK_K) {
      var left: array<Left, DOWN>;
      for (var i = 0u; i < DOWN; i++) {
        if (row + i * BLOCK_M < sizes.M) {
          left[i] = left_at(a_start, row + i * BLOCK_M, k);
        }
      }
      for (var j = 0u; j < ACROSS; j++) {
        let col = group.x * 64u + j * BLOCK_N;
        if (col < sizes.N) {
          let right = right_at(b_start, k, col);
          for (var i = 0u; i < DOWN; i++) {
            sum[i * ACROSS + j] = subgroupMatrixMultiplyAccumulate(left[i], right, sum[i * ACROSS + j]);
          }
        }
      }
    }
    for (var i = 0u; i < DOWN; i++) {
      for (var j = 0u; j < ACROSS; j++) {
        let at = (strip * 16u + i * BLOCK_M) * 64u + j * BLOCK_N;
        subgroupMatrixStore<row_major>(&tile, at, sum[i * ACROSS + j], 64u);
      }
    }
  }
  workgroupBarrier();

  let col = group.x * 64u + lane % 64u;
  if (col >= sizes.N) {
    return;
  }
  for (var r = lane / 64u; r < 64u && group.y * 64u + r < sizes.M; r += 2u) {
    let at = (group.z * sizes.M + group.y * 64u + r) * sizes.N + col;
    var value = tile[r * 64u + lane % 64u];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[col];
    }
    if (sizes.HAS_RESIDUAL == 1u) {
      value += f32(residual[at]);
    }
    if (sizes.ACCUMULATE == 1u) {
      value += f32(y[at]);
    }
    y[at] = Result(value);
  }
  if (sizes.HAS_SUMS == 1u && group.y == 0u && lane < 64u) {
    let start = select(col, col * sizes.K, sizes.B_TRANSPOSED == 1u);
    let step = select(sizes.N, 1u, sizes.B_TRANSPOSED == 1u);
    var total = 0.0;
    for (var k = 0u; k < sizes.K; k++) {
      total += f32(b[start + k * step]);
    }
    if (sizes.ACCUMULATE_SUMS == 1u) {
      total += sums[col];
    }
    sums[col] = total;
  }
}
`,

  'matmul_subgroup_matrix_8x16x16': `// matmul_subgroup_matrix_8x16x16: y = a b (+ bias) (+ residual) (+ y), by products of 8 x 16 blocks over 16 k in hardware, for adapters
// that offer them with sums in f32. Its files differ in three numbers, which WGSL wants as constants.
// a (B,M,K) or (B,K,M), b (B,K,N) or (B,N,K), whole blocks of each  ->  y (B,M,N)
// grid: tiles of 64 columns x 64 rows, one z a batch entry. A tile is four strips of 16 rows; a subgroup, of whatever size up to
// 128, takes some of them, reads their blocks from storage, and leaves the result in workgroup memory. Then all store it.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// Source: proposals/subgroup-matrix.md of gpuweb, and Dawn's docs/dawn/features/subgroup_matrix.md.
// optional: bias, residual, sums
enable chromium_experimental_subgroup_matrix;
enable subgroups;
// Strips are uniform in a subgroup, which the analysis cannot see.
diagnostic(off, chromium.subgroup_matrix_uniformity);

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  A_TRANSPOSED: u32,
  B_TRANSPOSED: u32,
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
const BLOCK_M = 8u;
const BLOCK_N = 16u;
const BLOCK_K = 16u;
const DOWN = 16u / BLOCK_M;
const ACROSS = 64u / BLOCK_N;

alias Left = subgroup_matrix_left<Storage, BLOCK_K, BLOCK_M>;
alias Right = subgroup_matrix_right<Storage, BLOCK_N, BLOCK_K>;
alias Sum = subgroup_matrix_result<f32, BLOCK_N, BLOCK_M>;

var<workgroup> tile: array<f32, 4096>;

fn left_at(start: u32, row: u32, k: u32) -> Left {
  if (sizes.A_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Left, col_major>(&a, start + k * sizes.M + row, sizes.M);
  }
  return subgroupMatrixLoad<Left, row_major>(&a, start + row * sizes.K + k, sizes.K);
}

fn right_at(start: u32, k: u32, col: u32) -> Right {
  if (sizes.B_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Right, col_major>(&b, start + col * sizes.K + k, sizes.K);
  }
  return subgroupMatrixLoad<Right, row_major>(&b, start + k * sizes.N + col, sizes.N);
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(num_subgroups) subgroups: u32,
) {
  let a_start = group.z * sizes.M * sizes.K;
  let b_start = group.z * sizes.K * sizes.N;
  for (var strip = subgroup; strip < 4u; strip += subgroups) {
    let row = group.y * 64u + strip * 16u;
    var sum: array<Sum, DOWN * ACROSS>;
    for (var k = 0u; k < sizes.K; k += BLOCK_K) {
      var left: array<Left, DOWN>;
      for (var i = 0u; i < DOWN; i++) {
        if (row + i * BLOCK_M < sizes.M) {
          left[i] = left_at(a_start, row + i * BLOCK_M, k);
        }
      }
      for (var j = 0u; j < ACROSS; j++) {
        let col = group.x * 64u + j * BLOCK_N;
        if (col < sizes.N) {
          let right = right_at(b_start, k, col);
          for (var i = 0u; i < DOWN; i++) {
            sum[i * ACROSS + j] = subgroupMatrixMultiplyAccumulate(left[i], right, sum[i * ACROSS + j]);
          }
        }
      }
    }
    for (var i = 0u; i < DOWN; i++) {
      for (var j = 0u; j < ACROSS; j++) {
        let at = (strip * 16u + i * BLOCK_M) * 64u + j * BLOCK_N;
        subgroupMatrixStore<row_major>(&tile, at, sum[i * ACROSS + j], 64u);
      }
    }
  }
  workgroupBarrier();

  let col = group.x * 64u + lane % 64u;
  if (col >= sizes.N) {
    return;
  }
  for (var r = lane / 64u; r < 64u && group.y * 64u + r < sizes.M; r += 2u) {
    let at = (group.z * sizes.M + group.y * 64u + r) * sizes.N + col;
    var value = tile[r * 64u + lane % 64u];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[col];
    }
    if (sizes.HAS_RESIDUAL == 1u) {
      value += f32(residual[at]);
    }
    if (sizes.ACCUMULATE == 1u) {
      value += f32(y[at]);
    }
    y[at] = Result(value);
  }
  if (sizes.HAS_SUMS == 1u && group.y == 0u && lane < 64u) {
    let start = select(col, col * sizes.K, sizes.B_TRANSPOSED == 1u);
    let step = select(sizes.N, 1u, sizes.B_TRANSPOSED == 1u);
    var total = 0.0;
    for (var k = 0u; k < sizes.K; k++) {
      total += f32(b[start + k * step]);
    }
    if (sizes.ACCUMULATE_SUMS == 1u) {
      total += sums[col];
    }
    sums[col] = total;
  }
}
`,

  'matmul_subgroup_matrix_8x8x8': `// matmul_subgroup_matrix_8x8x8: y = a b (+ bias) (+ residual) (+ y), by products of 8 x 8 blocks over 8 k in hardware, for adapters
// that offer them with sums in f32. Its files differ in three numbers, which WGSL wants as constants.
// a (B,M,K) or (B,K,M), b (B,K,N) or (B,N,K), whole blocks of each  ->  y (B,M,N)
// grid: tiles of 64 columns x 64 rows, one z a batch entry. A tile is four strips of 16 rows; a subgroup, of whatever size up to
// 128, takes some of them, reads their blocks from storage, and leaves the result in workgroup memory. Then all store it.
// With HAS_SUMS, also the sums of b's columns (+ sums): the first row of tiles reads its part of b again, in a loop of its own.
// Source: proposals/subgroup-matrix.md of gpuweb, and Dawn's docs/dawn/features/subgroup_matrix.md.
// optional: bias, residual, sums
enable chromium_experimental_subgroup_matrix;
enable subgroups;
// Strips are uniform in a subgroup, which the analysis cannot see.
diagnostic(off, chromium.subgroup_matrix_uniformity);

alias Storage = f32;
alias Result = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  A_TRANSPOSED: u32,
  B_TRANSPOSED: u32,
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
const BLOCK_M = 8u;
const BLOCK_N = 8u;
const BLOCK_K = 8u;
const DOWN = 16u / BLOCK_M;
const ACROSS = 64u / BLOCK_N;

alias Left = subgroup_matrix_left<Storage, BLOCK_K, BLOCK_M>;
alias Right = subgroup_matrix_right<Storage, BLOCK_N, BLOCK_K>;
alias Sum = subgroup_matrix_result<f32, BLOCK_N, BLOCK_M>;

var<workgroup> tile: array<f32, 4096>;

fn left_at(start: u32, row: u32, k: u32) -> Left {
  if (sizes.A_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Left, col_major>(&a, start + k * sizes.M + row, sizes.M);
  }
  return subgroupMatrixLoad<Left, row_major>(&a, start + row * sizes.K + k, sizes.K);
}

fn right_at(start: u32, k: u32, col: u32) -> Right {
  if (sizes.B_TRANSPOSED == 1u) {
    return subgroupMatrixLoad<Right, col_major>(&b, start + col * sizes.K + k, sizes.K);
  }
  return subgroupMatrixLoad<Right, row_major>(&b, start + k * sizes.N + col, sizes.N);
}

@compute @workgroup_size(128)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(num_subgroups) subgroups: u32,
) {
  let a_start = group.z * sizes.M * sizes.K;
  let b_start = group.z * sizes.K * sizes.N;
  for (var strip = subgroup; strip < 4u; strip += subgroups) {
    let row = group.y * 64u + strip * 16u;
    var sum: array<Sum, DOWN * ACROSS>;
    for (var k = 0u; k < sizes.K; k += BLOCK_K) {
      var left: array<Left, DOWN>;
      for (var i = 0u; i < DOWN; i++) {
        if (row + i * BLOCK_M < sizes.M) {
          left[i] = left_at(a_start, row + i * BLOCK_M, k);
        }
      }
      for (var j = 0u; j < ACROSS; j++) {
        let col = group.x * 64u + j * BLOCK_N;
        if (col < sizes.N) {
          let right = right_at(b_start, k, col);
          for (var i = 0u; i < DOWN; i++) {
            sum[i * ACROSS + j] = subgroupMatrixMultiplyAccumulate(left[i], right, sum[i * ACROSS + j]);
          }
        }
      }
    }
    for (var i = 0u; i < DOWN; i++) {
      for (var j = 0u; j < ACROSS; j++) {
        let at = (strip * 16u + i * BLOCK_M) * 64u + j * BLOCK_N;
        subgroupMatrixStore<row_major>(&tile, at, sum[i * ACROSS + j], 64u);
      }
    }
  }
  workgroupBarrier();

  let col = group.x * 64u + lane % 64u;
  if (col >= sizes.N) {
    return;
  }
  for (var r = lane / 64u; r < 64u && group.y * 64u + r < sizes.M; r += 2u) {
    let at = (group.z * sizes.M + group.y * 64u + r) * sizes.N + col;
    var value = tile[r * 64u + lane % 64u];
    if (sizes.HAS_BIAS == 1u) {
      value += bias[col];
    }
    if (sizes.HAS_RESIDUAL == 1u) {
      value += f32(residual[at]);
    }
    if (sizes.ACCUMULATE == 1u) {
      value += f32(y[at]);
    }
    y[at] = Result(value);
  }
  if (sizes.HAS_SUMS == 1u && group.y == 0u && lane < 64u) {
    let start = select(col, col * sizes.K, sizes.B_TRANSPOSED == 1u);
    let step = select(sizes.N, 1u, sizes.B_TRANSPOSED == 1u);
    var total = 0.0;
    for (var k = 0u; k < sizes.K; k++) {
      total += f32(b[start + k * step]);
    }
    if (sizes.ACCUMULATE_SUMS == 1u) {
      total += sums[col];
    }
    sums[col] = total;
  }
}
`,

  'matmul_sum': `// matmul_sum: the second half of a product made in parts over k: y = the sum of the parts (+ bias) (+ residual) (+ y).
// partial (PARTS,COUNT), partial_sums (PARTS,N)  ->  y (COUNT elements, rows of N)  sums (N)
// grid: one invocation an element, folded. Parts are added in order, in f32: the same bits on every run.
// With HAS_SUMS, also the sums of b's columns (+ sums), by the first invocations.
// lib: fold
// optional: partial_sums, bias, residual, sums

alias Storage = f32;
alias Result = f32;

struct Sizes {
  COUNT: u32, N: u32, PARTS: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> partial_sums: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.COUNT) {
    return;
  }
  var value = 0.0;
  for (var part = 0u; part < sizes.PARTS; part++) {
    value += partial[part * sizes.COUNT + i];
  }
  if (sizes.HAS_BIAS == 1u) {
    value += bias[i % sizes.N];
  }
  if (sizes.HAS_RESIDUAL == 1u) {
    value += f32(residual[i]);
  }
  if (sizes.ACCUMULATE == 1u) {
    value += f32(y[i]);
  }
  y[i] = Result(value);
  if (sizes.HAS_SUMS == 1u && i < sizes.N) {
    var sum = 0.0;
    for (var part = 0u; part < sizes.PARTS; part++) {
      sum += partial_sums[part * sizes.N + i];
    }
    if (sizes.ACCUMULATE_SUMS == 1u) {
      sum += sums[i];
    }
    sums[i] = sum;
  }
}
`,

  'matmul_vector': `// matmul_vector: products of a few rows of a with b, in parts over k: what decoding asks for, where b is read once and is all the cost.
// a (M,K) and b (K,N), read through row and column strides, M at most 4  ->  partial (PARTS,M,N), which matmul_sum adds up
// grid: one invocation for 4 columns and every PARTS-th k, folded. ALONG_K tells along which axis b is stored without gaps:
// neighbouring invocations go along that one, so that they read neighbouring elements; the columns of one lie a quarter of N
// apart for the same reason. Sums run over k in order, in f32. Columns outside are clamped to the last, their stores left out.
// lib: fold

alias Storage = f32;

struct Sizes {
  M: u32, N: u32, K: u32,
  a_row: u32, a_col: u32,
  b_row: u32, b_col: u32,
  QUARTER: u32,
  PARTS: u32,
  ALONG_K: u32,
}

// M, known to the compiler: rows that are not there cost nothing.
override ROWS: u32 = 4;

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

fn b_at(at: vec4u) -> vec4f {
  return vec4f(f32(b[at.x]), f32(b[at.y]), f32(b[at.z]), f32(b[at.w]));
}

fn store(part: u32, row: u32, col: vec4u, sum: vec4f) {
  let start = (part * sizes.M + row) * sizes.N;
  for (var j = 0u; j < 4u; j++) {
    if (col[j] < sizes.N) {
      partial[start + col[j]] = sum[j];
    }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.QUARTER * sizes.PARTS) {
    return;
  }
  let along_k = sizes.ALONG_K == 1u;
  let first = select(i % sizes.QUARTER, i / sizes.PARTS, along_k);
  let part = select(i / sizes.QUARTER, i % sizes.PARTS, along_k);
  let col = vec4u(first) + vec4u(0u, 1u, 2u, 3u) * sizes.QUARTER;
  var at = min(col, vec4u(sizes.N - 1u)) * sizes.b_col + part * sizes.b_row;
  var a0 = part * sizes.a_col;
  let a_step = sizes.PARTS * sizes.a_col;
  let b_step = vec4u(sizes.PARTS * sizes.b_row);
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  for (var k = part; k < sizes.K; k += sizes.PARTS) {
    let v = b_at(at);
    s0 += f32(a[a0]) * v;
    if (ROWS > 1u) {
      s1 += f32(a[a0 + sizes.a_row]) * v;
    }
    if (ROWS > 2u) {
      s2 += f32(a[a0 + 2u * sizes.a_row]) * v;
    }
    if (ROWS > 3u) {
      s3 += f32(a[a0 + 3u * sizes.a_row]) * v;
    }
    a0 += a_step;
    at += b_step;
  }
  store(part, 0u, col, s0);
  if (ROWS > 1u) {
    store(part, 1u, col, s1);
  }
  if (ROWS > 2u) {
    store(part, 2u, col, s2);
  }
  if (ROWS > 3u) {
    store(part, 3u, col, s3);
  }
}
`,

  'matmul_vector_columns': `// matmul_vector_columns: products of a few rows of a with b stored (K,N), as decoding asks for where an adapter runs on the CPU.
// y = a b (+ bias) (+ residual) (+ y).     a (M,K), M at most 4  b (K,N)  ->  y (M,N)     N a multiple of 4
// grid: one invocation 8 columns, in two vec4s of b, so that neighbouring lanes read neighbouring vec4s. Sums run over k in order, in f32.
// lib: fold
// optional: bias, residual

alias Storage = f32;
alias Result = f32;

struct Sizes { M: u32, N: u32, K: u32, HAS_BIAS: u32, HAS_RESIDUAL: u32, ACCUMULATE: u32 }

// M, known to the compiler: rows that are not there cost nothing.
override ROWS: u32 = 4;

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4f>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<Result>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

// \`col\` counts vec4s.
fn store(row: u32, col: u32, sum: vec4f) {
  let at = row * (sizes.N / 4u) + col;
  var value = sum;
  if (sizes.HAS_BIAS == 1u) {
    value += bias[col];
  }
  if (sizes.HAS_RESIDUAL == 1u) {
    value += vec4f(residual[at]);
  }
  if (sizes.ACCUMULATE == 1u) {
    value += vec4f(y[at]);
  }
  y[at] = vec4<Result>(value);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let columns = sizes.N / 4u;
  let first = folded(group, groups) * 16u + lane;
  let second = first + 8u;
  var at0 = min(first, columns - 1u);
  var at1 = min(second, columns - 1u);
  var s0 = vec4f();
  var s1 = vec4f();
  var t0 = vec4f();
  var t1 = vec4f();
  var u0 = vec4f();
  var u1 = vec4f();
  var v0 = vec4f();
  var v1 = vec4f();
  for (var k = 0u; k < sizes.K; k++) {
    let p = vec4f(b[at0]);
    let q = vec4f(b[at1]);
    let x = f32(a[k]);
    s0 += x * p;
    s1 += x * q;
    if (ROWS > 1u) {
      let x1 = f32(a[sizes.K + k]);
      t0 += x1 * p;
      t1 += x1 * q;
    }
    if (ROWS > 2u) {
      let x2 = f32(a[2u * sizes.K + k]);
      u0 += x2 * p;
      u1 += x2 * q;
    }
    if (ROWS > 3u) {
      let x3 = f32(a[3u * sizes.K + k]);
      v0 += x3 * p;
      v1 += x3 * q;
    }
    at0 += columns;
    at1 += columns;
  }
  if (first < columns) {
    store(0u, first, s0);
    if (ROWS > 1u) { store(1u, first, t0); }
    if (ROWS > 2u) { store(2u, first, u0); }
    if (ROWS > 3u) { store(3u, first, v0); }
  }
  if (second < columns) {
    store(0u, second, s1);
    if (ROWS > 1u) { store(1u, second, t1); }
    if (ROWS > 2u) { store(2u, second, u1); }
    if (ROWS > 3u) { store(3u, second, v1); }
  }
}
`,

  'matmul_vector_columns8': `// matmul_vector_columns8: a row a times b stored (K,N), as decoding asks for where an adapter runs on the CPU in subgroups of 8, and
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

// \`col\` counts vec4s.
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
`,

  'matmul_vector_rows': `// matmul_vector_rows: products of a few rows of a with b stored (N,K), as decoding asks for where an adapter runs on the CPU.
// y = a b^T (+ bias) (+ residual) (+ y).     a (M,K), M at most 4  b (N,K)  ->  y (M,N)     K a multiple of 4
// grid: one invocation 2 columns, folded. Each reads its own rows of b from end to end: loads are the cost there, each lane's its own,
// and a longer body of the loop is no faster. Sums run over k in order, four beside each other, in f32.
// lib: fold
// optional: bias, residual

alias Storage = f32;
alias Result = f32;

struct Sizes { M: u32, N: u32, K: u32, HAS_BIAS: u32, HAS_RESIDUAL: u32, ACCUMULATE: u32 }

// M, known to the compiler: rows that are not there cost nothing.
override ROWS: u32 = 4;

@group(0) @binding(0) var<storage, read> a: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 16;

fn store(row: u32, col: u32, sum: vec4f) {
  let at = row * sizes.N + col;
  var value = (sum.x + sum.y) + (sum.z + sum.w);
  if (sizes.HAS_BIAS == 1u) {
    value += bias[col];
  }
  if (sizes.HAS_RESIDUAL == 1u) {
    value += f32(residual[at]);
  }
  if (sizes.ACCUMULATE == 1u) {
    value += f32(y[at]);
  }
  y[at] = Result(value);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 16u + lane;
  let second = first + 8u;
  let length = sizes.K / 4u;
  let b0 = min(first, sizes.N - 1u) * length;
  let b1 = min(second, sizes.N - 1u) * length;
  var s0 = vec4f();
  var s1 = vec4f();
  var t0 = vec4f();
  var t1 = vec4f();
  var u0 = vec4f();
  var u1 = vec4f();
  var v0 = vec4f();
  var v1 = vec4f();
  for (var k = 0u; k < length; k++) {
    let p = vec4f(b[b0 + k]);
    let q = vec4f(b[b1 + k]);
    let x = vec4f(a[k]);
    s0 += x * p;
    s1 += x * q;
    if (ROWS > 1u) {
      let x1 = vec4f(a[length + k]);
      t0 += x1 * p;
      t1 += x1 * q;
    }
    if (ROWS > 2u) {
      let x2 = vec4f(a[2u * length + k]);
      u0 += x2 * p;
      u1 += x2 * q;
    }
    if (ROWS > 3u) {
      let x3 = vec4f(a[3u * length + k]);
      v0 += x3 * p;
      v1 += x3 * q;
    }
  }
  if (first < sizes.N) {
    store(0u, first, s0);
    if (ROWS > 1u) { store(1u, first, t0); }
    if (ROWS > 2u) { store(2u, first, u0); }
    if (ROWS > 3u) { store(3u, first, v0); }
  }
  if (second < sizes.N) {
    store(0u, second, s1);
    if (ROWS > 1u) { store(1u, second, t1); }
    if (ROWS > 2u) { store(2u, second, u1); }
    if (ROWS > 3u) { store(3u, second, v1); }
  }
}
`,

  'matmul_vector_rows8': `// matmul_vector_rows8: a row a times b stored (N,K), as decoding asks for where an adapter runs on the CPU in subgroups of 8.
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
`,

  'mul': `// mul: y = a * b, element by element, for equal shapes.
// grid: 64 invocations a workgroup, four elements each, folded.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      y[i] = Storage(f32(a[i]) * f32(b[i]));
    }
  }
}
`,

  'mul_broadcast': `// mul_broadcast: y = a * b for shapes that broadcast.
// Operands are read through strides in the joint index space of four axes D0..D3; a repeated axis has stride 0.
// grid: one invocation an element, folded.
// lib: fold, broadcast

alias Storage = f32;

struct Sizes {
  N: u32,
  D0: u32, D1: u32, D2: u32, D3: u32,
  A0: u32, A1: u32, A2: u32, A3: u32,
  B0: u32, B1: u32, B2: u32, B3: u32,
}

@group(0) @binding(0) var<storage, read> a: array<Storage>;
@group(0) @binding(1) var<storage, read> b: array<Storage>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.N) {
    return;
  }
  let at = unfold_axes(i, sizes.D1, sizes.D2, sizes.D3);
  let ai = strided(at, vec4u(sizes.A0, sizes.A1, sizes.A2, sizes.A3));
  let bi = strided(at, vec4u(sizes.B0, sizes.B1, sizes.B2, sizes.B3));
  y[i] = Storage(f32(a[ai]) * f32(b[bi]));
}
`,

  'muon_momentum': `// muon_momentum: the momentum of one matrix, in place, and the direction of its step.
//   m = mu m + (1 - mu) g     u = mu m + (1 - mu) g (NESTEROV = 1) or m (0), with the new m and the clipped gradient
// g, m, u (N). gate: see gate.wgsl. Where gate[0] is 0, m stays and u is of no use.
// grid: 64 invocations a workgroup, four elements each, folded.
// Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
// lib: fold

struct Sizes { N: u32, mu: f32, one_minus_mu: f32, NESTEROV: u32 }

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> m: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  let applied = gate[0] != 0.0;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      let own = sizes.one_minus_mu * (g[i] * gate[1]);
      let momentum = sizes.mu * m[i] + own;
      if (applied) {
        m[i] = momentum;
      }
      u[i] = select(momentum, sizes.mu * momentum + own, sizes.NESTEROV == 1u);
    }
  }
}
`,

  'muon_update': `// muon_update: p = p (1 - lr wd) - lr factor direction, in place. Nothing changes where gate[0] is 0.
// p, direction (N), learningRate (1). gate: see gate.wgsl.
// grid: 64 invocations a workgroup, four elements each, folded.
// Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks.
// lib: fold

struct Sizes { N: u32, weight_decay: f32, factor: f32 }

@group(0) @binding(0) var<storage, read_write> p: array<f32>;
@group(0) @binding(1) var<storage, read> direction: array<f32>;
@group(0) @binding(2) var<storage, read> gate: array<f32>;
@group(0) @binding(3) var<storage, read> learningRate: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (gate[0] == 0.0) {
    return;
  }
  let start = folded(group, groups) * 256u + lane;
  let keep = 1.0 - learningRate[0] * sizes.weight_decay;
  let rate = learningRate[0] * sizes.factor;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      p[i] = p[i] * keep - rate * direction[i];
    }
  }
}
`,

  'normalize': `// normalize: y = x / (norm + eps). x, y (N), norm (1).
// grid: 64 invocations a workgroup, four elements each, folded.
// lib: fold

struct Sizes { N: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> norm: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      y[i] = x[i] / (norm[0] + sizes.eps);
    }
  }
}
`,

  'part_backward': `// part_backward: the gradient of x, of which y is the window of \`length\` elements from \`start\` on: dy there, 0 elsewhere.
// dy (length)  ->  dx; if ACCUMULATE is 1, added onto what dx holds
// grid: one invocation an element of dx from \`first\` on, N of them, folded: the window alone, or all of dx.
// lib: fold

alias Storage = f32;
alias Result = f32;

struct Sizes { N: u32, first: u32, start: u32, length: u32, ACCUMULATE: u32 }

@group(0) @binding(0) var<storage, read> dy: array<Storage>;
@group(0) @binding(1) var<storage, read_write> dx: array<Result>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.N) {
    return;
  }
  let at = sizes.first + i;
  var value = 0.0;
  if (at >= sizes.start && at - sizes.start < sizes.length) {
    value = f32(dy[at - sizes.start]);
  }
  if (sizes.ACCUMULATE == 1u) {
    value += f32(dx[at]);
  }
  dx[at] = Result(value);
}
`,

  'relu': `// relu: y = max(x, 0), element by element.
// x (N)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind y may be another value.
// lib: fold, relu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      y[i] = vec4<Storage>(relu(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = relu(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'relu_backward': `// relu_backward: dx = dy * slope of relu at x, element by element.
// x, dy (N)  ->  dx (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind dx may be another value.
// lib: fold, relu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      dx[i] = vec4<Storage>(vec4f(dy[i]) * relu_slope(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = vec4f(dy[i]) * relu_slope(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        dx[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'rmsnorm': `// rmsnorm: y = (weight_offset + weight) * x * rstd over the last axis, rstd = 1 / sqrt(mean(x^2) + eps).
// x (R,C)  weight (C)  ->  y (R,C)  rstd (R), saved for the backward pass
// grid: one invocation a row, folded.
// Source: Zhang and Sennrich 2019 (arXiv:1910.07467), section 3; with eps inside the root as Llama has it.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, eps: f32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var squares = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let value = f32(x[start + c]);
    squares += value * value;
  }
  let r = inverseSqrt(squares / f32(sizes.C) + sizes.eps);
  for (var c = 0u; c < sizes.C; c++) {
    y[start + c] = Storage(f32(x[start + c]) * r * (weight[c] + sizes.weight_offset));
  }
  rstd[row] = r;
}
`,

  'rmsnorm_backward': `// rmsnorm_backward: dx (+)= rstd * (g - xhat * mean(g * xhat)), g = dy * (weight_offset + weight), xhat = x * rstd.
// x, dy (R,C)  weight (C)  rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  let r = rstd[row];
  var sum_gx = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    sum_gx += f32(dy[start + c]) * (weight[c] + sizes.weight_offset) * (f32(x[start + c]) * r);
  }
  let mean_gx = sum_gx / f32(sizes.C);
  for (var c = 0u; c < sizes.C; c++) {
    let xhat = f32(x[start + c]) * r;
    var value = r * (f32(dy[start + c]) * (weight[c] + sizes.weight_offset) - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(dx[start + c]);
    }
    dx[start + c] = Storage(value);
  }
}
`,

  'rmsnorm_backward_vec4': `// rmsnorm_backward_vec4: as rmsnorm_backward, four columns a load, for C divisible by 4.
// x, dy (R,C)  weight (C)  rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  let r = rstd[row];
  var sum_gx = vec4f();
  for (var q = 0u; q < quads; q++) {
    sum_gx += vec4f(dy[start + q]) * (weight[q] + sizes.weight_offset) * (vec4f(x[start + q]) * r);
  }
  let mean_gx = dot(sum_gx, vec4f(1.0 / f32(sizes.C)));
  for (var q = 0u; q < quads; q++) {
    let xhat = vec4f(x[start + q]) * r;
    var value = r * (vec4f(dy[start + q]) * (weight[q] + sizes.weight_offset) - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += vec4f(dx[start + q]);
    }
    dx[start + q] = vec4<Storage>(value);
  }
}
`,

  'rmsnorm_backward_weight': `// rmsnorm_backward_weight: dweight = sum over rows of dy * x * rstd.
// x, dy (R,C)  rstd (R)  ->  dweight (parts,C); part p has \`chunk\` rows from p * chunk, and one part has all
// grid: one invocation a column of a part, folded. Each adds its rows in order: the same bits on every run.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> rstd: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<Storage>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.parts * sizes.C) {
    return;
  }
  let part = n / sizes.C;
  let first = part * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.R);
  var at = first * sizes.C + n % sizes.C;
  var sum_gx = 0.0;
  for (var row = first; row < end; row++) {
    sum_gx += f32(dy[at]) * (f32(x[at]) * rstd[row]);
    at += sizes.C;
  }
  dweight[n] = sum_gx;
}
`,

  'rmsnorm_backward_weight_vec4': `// rmsnorm_backward_weight_vec4: as rmsnorm_backward_weight, four columns an invocation, for C divisible by 4.
// x, dy (R,C)  rstd (R)  ->  dweight (parts,C); part p has \`chunk\` rows from p * chunk, and one part has all
// grid: one invocation four columns of a part, folded. Each adds its rows in order: the same bits on every run.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> rstd: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(3) var<storage, read_write> dweight: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  let quads = sizes.C / 4u;
  if (n >= sizes.parts * quads) {
    return;
  }
  let part = n / quads;
  let first = part * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.R);
  var at = first * quads + n % quads;
  var sum_gx = vec4f();
  for (var row = first; row < end; row++) {
    sum_gx += vec4f(dy[at]) * (vec4f(x[at]) * rstd[row]);
    at += quads;
  }
  dweight[n] = sum_gx;
}
`,

  'rmsnorm_backward_weight_workgroup': `// rmsnorm_backward_weight_workgroup: as rmsnorm_backward_weight, for GPUs; slow where a barrier is (software adapters).
// x, dy (R,C)  rstd (R)  ->  dweight (parts,C); part p has \`chunk\` rows from p * chunk, and one part has all
// grid: one workgroup 32 neighbouring columns of a part; 8 invocations take turns at the rows of each and meet in workgroup memory.
// lib: column_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> rstd: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<Storage>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 32;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
  let column = group.x * 32u + index % 32u;
  let lane = index / 32u;
  let part = group.y;
  let end = min((part + 1u) * sizes.chunk, sizes.R);
  var own = 0.0;
  if (column < sizes.C) {
    for (var row = part * sizes.chunk + lane; row < end; row += 8u) {
      let at = row * sizes.C + column;
      own += f32(dy[at]) * (f32(x[at]) * rstd[row]);
    }
  }
  let sum_gx = column_sum(vec2f(own, 0.0), index).x;
  if (lane == 0u && column < sizes.C) {
    dweight[part * sizes.C + column] = sum_gx;
  }
}
`,

  'rmsnorm_backward_workgroup': `// rmsnorm_backward_workgroup: as rmsnorm_backward, for GPUs; slow where a barrier is (software adapters).
// x, dy (R,C)  weight (C)  rstd (R)  ->  dx (R,C), added onto what dx holds if ACCUMULATE is 1
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, ACCUMULATE: u32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<Storage>;
@group(0) @binding(4) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(5) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  let r = rstd[row];
  var sum_gx = 0.0;
  for (var c = lane; c < C; c += LANES) {
    sum_gx += f32(dy[start + c]) * (weight[c] + sizes.weight_offset) * (f32(x[start + c]) * r);
  }
  let mean_gx = row_sum(vec2f(sum_gx, 0.0), index, LANES).x / f32(sizes.C);
  for (var c = lane; c < C; c += LANES) {
    let xhat = f32(x[start + c]) * r;
    var value = r * (f32(dy[start + c]) * (weight[c] + sizes.weight_offset) - xhat * mean_gx);
    if (sizes.ACCUMULATE == 1u) {
      value += f32(dx[start + c]);
    }
    dx[start + c] = Storage(value);
  }
}
`,

  'rmsnorm_vec4': `// rmsnorm_vec4: as rmsnorm, four columns a load, for C divisible by 4.
// x (R,C)  weight (C)  ->  y (R,C)  rstd (R)
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32, eps: f32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let quads = sizes.C / 4u;
  let start = row * quads;
  var squares = vec4f();
  for (var q = 0u; q < quads; q++) {
    let value = vec4f(x[start + q]);
    squares += value * value;
  }
  let r = inverseSqrt(dot(squares, vec4f(1.0 / f32(sizes.C))) + sizes.eps);
  for (var q = 0u; q < quads; q++) {
    y[start + q] = vec4<Storage>(vec4f(x[start + q]) * r * (weight[q] + sizes.weight_offset));
  }
  rstd[row] = r;
}
`,

  'rmsnorm_workgroup': `// rmsnorm_workgroup: as rmsnorm, for GPUs; slow where a barrier is (software adapters).
// x (R,C)  weight (C)  ->  y (R,C)  rstd (R)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32, eps: f32, weight_offset: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<Storage>;
@group(0) @binding(3) var<storage, read_write> rstd: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  var squares = 0.0;
  for (var c = lane; c < C; c += LANES) {
    let value = f32(x[start + c]);
    squares += value * value;
  }
  let r = inverseSqrt(row_sum(vec2f(squares, 0.0), index, LANES).x / f32(sizes.C) + sizes.eps);
  for (var c = lane; c < C; c += LANES) {
    y[start + c] = Storage(f32(x[start + c]) * r * (weight[c] + sizes.weight_offset));
  }
  if (lane == 0u && row_index < sizes.R) {
    rstd[row] = r;
  }
}
`,

  'root_of_sum': `// root_of_sum: y = sqrt(sum of x). x (N)  ->  y (1)
// grid: one workgroup. Each of 64 invocations adds up every 64th element, then the first adds those sums in order.

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var own = 0.0;
  for (var i = lane; i < sizes.N; i += 64u) {
    own += x[i];
  }
  sums[lane] = own;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < 64u; i++) {
      total += sums[i];
    }
    y[0] = sqrt(total);
  }
}
`,

  'rope': `// rope: turns every pair (x[d], x[d + D/2]) of a head by the angle of its token: y1 = x1 cos - x2 sin, y2 = x2 cos + x1 sin.
// x (rows,D)  cosines, sines (T,W) or (B,T,W), of which the first D/2 columns are read  ->  y (rows,D)
// A row is a head of a token: row / token_step % T is its token, row / batch_step its text.
// direction is 1, or -1 for the way back, which is the derivative.
// grid: one invocation a pair, folded.
// Source: Su et al. 2021 (arXiv:2104.09864), eq. 34, with the halves of a head as pairs (rotate_half of transformers).
// lib: fold

alias Storage = f32;

struct Sizes {
  N: u32, half: u32, T: u32,
  token_step: u32, batch_step: u32,
  table_row: u32, table_batch: u32, direction: f32,
}

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read> cosines: array<f32>;
@group(0) @binding(2) var<storage, read> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<Storage>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let row = n / sizes.half;
  let d = n % sizes.half;
  let low = 2u * sizes.half * row + d;
  let high = low + sizes.half;
  let token = (row / sizes.token_step) % sizes.T;
  let at = (row / sizes.batch_step) * sizes.table_batch + token * sizes.table_row + d;
  let c = cosines[at];
  let s = sizes.direction * sines[at];
  let x1 = f32(x[low]);
  let x2 = f32(x[high]);
  y[low] = Storage(x1 * c - x2 * s);
  y[high] = Storage(x2 * c + x1 * s);
}
`,

  'rope_vec4': `// rope_vec4: as rope, four pairs an invocation, for D divisible by 8; half and the steps of the tables are counted in vec4s.
// x (rows,D)  cosines, sines (T,W) or (B,T,W), of which the first D/2 columns are read  ->  y (rows,D)
// grid: one invocation four pairs, folded.
// lib: fold

alias Storage = f32;

struct Sizes {
  N: u32, half: u32, T: u32,
  token_step: u32, batch_step: u32,
  table_row: u32, table_batch: u32, direction: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> cosines: array<vec4f>;
@group(0) @binding(2) var<storage, read> sines: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let row = n / sizes.half;
  let d = n % sizes.half;
  let low = 2u * sizes.half * row + d;
  let high = low + sizes.half;
  let token = (row / sizes.token_step) % sizes.T;
  let at = (row / sizes.batch_step) * sizes.table_batch + token * sizes.table_row + d;
  let c = cosines[at];
  let s = sizes.direction * sines[at];
  let x1 = vec4f(x[low]);
  let x2 = vec4f(x[high]);
  y[low] = vec4<Storage>(x1 * c - x2 * s);
  y[high] = vec4<Storage>(x2 * c + x1 * s);
}
`,

  'scale': `// scale: y = factor * x.
// grid: 64 invocations a workgroup, four elements each, folded.
// lib: fold

alias Storage = f32;

struct Sizes { N: u32, factor: f32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = start + 64u * j;
    if (i < sizes.N) {
      y[i] = Storage(sizes.factor * f32(x[i]));
    }
  }
}
`,

  'silu': `// silu: y = x / (1 + exp(-x)), element by element.
// x (N)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind y may be another value.
// lib: fold, silu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      y[i] = vec4<Storage>(silu(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = silu(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'silu_backward': `// silu_backward: dx = dy * slope of silu at x, element by element.
// x, dy (N)  ->  dx (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole,
// since bindings are padded to 16 bytes, and written element by element, since what lies behind dx may be another value.
// lib: fold, silu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i + 4u <= sizes.N) {
      dx[i] = vec4<Storage>(vec4f(dy[i]) * silu_slope(vec4f(x[i])));
    } else if (4u * i < sizes.N) {
      let tail = vec4f(dy[i]) * silu_slope(vec4f(x[i]));
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        dx[i][k] = Storage(tail[k]);
      }
    }
  }
}
`,

  'softmax': `// softmax: y = exp(x - max) / sum of exp(x - max) over the last axis.
// x (R,C)  ->  y (R,C)
// grid: one invocation a row, folded. Subtracting the row's maximum keeps every exponent at or below 0.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var largest = f32(x[start]);
  for (var c = 1u; c < sizes.C; c++) {
    largest = max(largest, f32(x[start + c]));
  }
  var total = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    let e = exp(f32(x[start + c]) - largest);
    y[start + c] = Storage(e);
    total += e;
  }
  let scale = 1.0 / total;
  for (var c = 0u; c < sizes.C; c++) {
    y[start + c] = Storage(f32(y[start + c]) * scale);
  }
}
`,

  'softmax_backward': `// softmax_backward: dx = y * (dy - sum of dy * y) over the last axis.
// y, dy (R,C)  ->  dx (R,C)
// grid: one invocation a row, folded.
// lib: fold

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> y: array<Storage>;
@group(0) @binding(1) var<storage, read> dy: array<Storage>;
@group(0) @binding(2) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = folded(group, groups) * 64u + lane;
  if (row >= sizes.R) {
    return;
  }
  let start = row * sizes.C;
  var dot = 0.0;
  for (var c = 0u; c < sizes.C; c++) {
    dot += f32(dy[start + c]) * f32(y[start + c]);
  }
  for (var c = 0u; c < sizes.C; c++) {
    dx[start + c] = Storage(f32(y[start + c]) * (f32(dy[start + c]) - dot));
  }
}
`,

  'softmax_backward_workgroup': `// softmax_backward_workgroup: as softmax_backward, for GPUs; slow where a barrier is (software adapters).
// y, dy (R,C)  ->  dx (R,C)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// lib: fold, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> y: array<Storage>;
@group(0) @binding(1) var<storage, read> dy: array<Storage>;
@group(0) @binding(2) var<storage, read_write> dx: array<Storage>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  var own = 0.0;
  for (var c = lane; c < C; c += LANES) {
    own += f32(dy[start + c]) * f32(y[start + c]);
  }
  let dot = row_sum(vec2f(own, 0.0), index, LANES).x;
  for (var c = lane; c < C; c += LANES) {
    dx[start + c] = Storage(f32(y[start + c]) * (f32(dy[start + c]) - dot));
  }
}
`,

  'softmax_stats': `// softmax_stats: for each row of logits its largest m, the log of the sum of exp(logit - m), the target's logit - m and the sum of
// logit - m, over the classes 0..first+width-1: those of \`before\`, and this chunk of them.
// logits (N,width)  targets (N)  before (N,4), if first > 0  ->  stats (N,4)
// grid: one invocation a row, folded. For long rows see softmax_stats_wide.
// The log-sum-exp is m + log, but it is never formed: rounded at its own size it would cost every probability digits where logits
// are large.
// lib: fold, softmax_stats
// optional: before

alias Storage = f32;

struct Sizes { N: u32, width: u32, first: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read> before: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let start = n * sizes.width;
  var largest = f32(logits[start]);
  for (var v = 1u; v < sizes.width; v++) {
    largest = max(largest, f32(logits[start + v]));
  }
  var earlier = vec4f();
  if (sizes.first > 0u) {
    largest = max(largest, before[n].x);
    earlier = rebased_stats(before[n], largest, sizes.first, targets[n]);
  }
  var total = 0.0;
  var below = 0.0;
  for (var v = 0u; v < sizes.width; v++) {
    let d = f32(logits[start + v]) - largest;
    total += exp(d);
    below += d;
  }
  let column = targets[n] - i32(sizes.first);
  var at_target = earlier.z;
  if (column >= 0 && u32(column) < sizes.width) {
    at_target = f32(logits[start + u32(column)]) - largest;
  }
  let sum = below + earlier.w;
  stats[n] = vec4f(largest, log_of_sum(total + earlier.y, sum), at_target, sum);
}
`,

  'softmax_stats_backward': `// softmax_stats_backward: dlogits = dstats.y * softmax + dstats.z at the target + dstats.w; 0 in rows whose dstats is 0, whatever
// their logits are.
// logits (N,width), in dlogits' place  targets (N)  stats, dstats (N,4)  ->  dlogits (N,width)
// grid: one invocation a row, folded. For long rows see softmax_stats_backward_wide.
// lib: fold, softmax_stats

alias Storage = f32;

struct Sizes { N: u32, width: u32, first: u32 }

@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read> dstats: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<Storage>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let row = stats[n];
  let drow = dstats[n];
  let counts = any(drow.yzw != vec3f());
  let column = targets[n] - i32(sizes.first);
  for (var v = 0u; v < sizes.width; v++) {
    let at = n * sizes.width + v;
    dlogits[at] = Storage(select(0.0, softmax_stats_slope(f32(dlogits[at]), row, drow, i32(v) == column), counts));
  }
}
`,

  'softmax_stats_backward_before': `// softmax_stats_backward_before: the gradient of the statistics of the chunks before. Their share of the sum of exponentials is
// exp(lse of before - lse), which may be 0; the other sums pass on what they get.
// before, stats (N,4)  dstats (N,4), in dbefore's place  ->  dbefore (N,4)
// grid: one invocation a row, folded.
// lib: fold

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> before: array<vec4f>;
@group(0) @binding(1) var<storage, read> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> dbefore: array<vec4f>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let less = before[n].xy - stats[n].xy;
  let d = dbefore[n];
  dbefore[n] = vec4f(0.0, d.y * exp(less.x + less.y), d.z, d.w);
}
`,

  'softmax_stats_backward_wide': `// softmax_stats_backward_wide: as softmax_stats_backward, for long rows (a vocabulary of thousands), and on GPUs for all.
// logits (N,width), in dlogits' place  targets (N)  stats, dstats (N,4)  ->  dlogits (N,width)
// grid: one workgroup 256 neighbouring columns of a row, four columns an invocation, folded.
// lib: fold, softmax_stats

alias Storage = f32;

struct Sizes { N: u32, width: u32, first: u32 }

@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> stats: array<vec4f>;
@group(0) @binding(2) var<storage, read> dstats: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<Storage>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 256;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let blocks = (sizes.width + 255u) / 256u;
  let block = folded(group, groups);
  let n = block / blocks;
  if (n >= sizes.N) {
    return;
  }
  let row = stats[n];
  let drow = dstats[n];
  let counts = any(drow.yzw != vec3f());
  let column = targets[n] - i32(sizes.first);
  for (var j = 0u; j < 4u; j++) {
    let v = (block % blocks) * 256u + 64u * j + lane;
    if (v < sizes.width) {
      let at = n * sizes.width + v;
      dlogits[at] = Storage(select(0.0, softmax_stats_slope(f32(dlogits[at]), row, drow, i32(v) == column), counts));
    }
  }
}
`,

  'softmax_stats_wide': `// softmax_stats_wide: as softmax_stats, for long rows (a vocabulary of thousands), and on GPUs for all.
// logits (N,width)  targets (N)  before (N,4), if first > 0  ->  stats (N,4)
// grid: one workgroup a row, folded. Lane l takes columns l, l + 64, ..; the 64 partial results meet in workgroup memory and are added
// in order: the same bits on every run.
// lib: fold, softmax_stats
// optional: before

alias Storage = f32;

struct Sizes { N: u32, width: u32, first: u32 }

@group(0) @binding(0) var<storage, read> logits: array<Storage>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read> before: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec4f>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 1;

var<workgroup> largest_of: array<f32, 64>;
var<workgroup> total_of: array<f32, 64>;
var<workgroup> below_of: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  // A folded grid may have workgroups behind the last row: they repeat it up to the end, for barriers must be met by all.
  let n = min(folded(group, groups), sizes.N - 1u);
  let start = n * sizes.width;
  var largest = f32(logits[start + min(lane, sizes.width - 1u)]);
  for (var v = lane; v < sizes.width; v += 64u) {
    largest = max(largest, f32(logits[start + v]));
  }
  largest_of[lane] = largest;
  workgroupBarrier();
  for (var l = 0u; l < 64u; l++) {
    largest = max(largest, largest_of[l]);
  }
  var earlier = vec4f();
  if (sizes.first > 0u) {
    largest = max(largest, before[n].x);
    earlier = rebased_stats(before[n], largest, sizes.first, targets[n]);
  }
  var total = 0.0;
  var below = 0.0;
  for (var v = lane; v < sizes.width; v += 64u) {
    let d = f32(logits[start + v]) - largest;
    total += exp(d);
    below += d;
  }
  total_of[lane] = total;
  below_of[lane] = below;
  workgroupBarrier();
  if (lane > 0u || folded(group, groups) >= sizes.N) {
    return;
  }
  total = 0.0;
  below = 0.0;
  for (var l = 0u; l < 64u; l++) {
    total += total_of[l];
    below += below_of[l];
  }
  let column = targets[n] - i32(sizes.first);
  var at_target = earlier.z;
  if (column >= 0 && u32(column) < sizes.width) {
    at_target = f32(logits[start + u32(column)]) - largest;
  }
  let sum = below + earlier.w;
  stats[n] = vec4f(largest, log_of_sum(total + earlier.y, sum), at_target, sum);
}
`,

  'softmax_workgroup': `// softmax_workgroup: as softmax, for GPUs; slow where a barrier is (software adapters).
// x (R,C)  ->  y (R,C)
// grid: LANES neighbouring invocations a row, which take turns at its columns and meet in workgroup memory; short rows share a
// workgroup of 64. Folded.
// Exponentials are computed twice: that is cheaper there than to store them in between.
// lib: fold, row_max, row_sum

alias Storage = f32;

struct Sizes { R: u32, C: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Storage>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

override LANES: u32 = 64;
const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) index: u32) {
  let row_index = folded(group, groups) * (64u / LANES) + index / LANES;
  // Lanes behind the last row have no columns but go along: barriers must be met by all.
  let row = min(row_index, sizes.R - 1u);
  let C = select(0u, sizes.C, row_index < sizes.R);
  let lane = index % LANES;
  let start = row * sizes.C;
  var own = f32(x[start]);
  for (var c = lane; c < C; c += LANES) {
    own = max(own, f32(x[start + c]));
  }
  let largest = row_max(own, index, LANES);
  var total = 0.0;
  for (var c = lane; c < C; c += LANES) {
    total += exp(f32(x[start + c]) - largest);
  }
  let scale = 1.0 / row_sum(vec2f(total, 0.0), index, LANES).x;
  for (var c = lane; c < C; c += LANES) {
    y[start + c] = Storage(exp(f32(x[start + c]) - largest) * scale);
  }
}
`,

  'squares': `// squares: partial[start + i] = sum of squares of the elements that invocation i owns: 256 of them, 64 apart.
// x (N)  ->  partial, 64 numbers a workgroup
// grid: a workgroup of 64 invocations covers 16,384 elements, folded.
// lib: fold

struct Sizes { N: u32, start: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> partial: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 16384;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let part = folded(group, groups);
  if (part * 16384u >= sizes.N) {
    return;
  }
  let start = part * 16384u + lane;
  let end = min(part * 16384u + 16384u, sizes.N);
  var total = 0.0;
  for (var i = start; i < end; i += 64u) {
    total += x[i] * x[i];
  }
  partial[sizes.start + part * 64u + lane] = total;
}
`,

  'sum': `// sum: y[o, p, i] = sum of x[o, r, i] over the r of part p: r from p * chunk up to (p + 1) * chunk.
// x (outer,R,inner)  ->  y (outer,parts,inner); with parts = 1 the whole axis.
// grid: one invocation an element of y, folded. Each adds up its own part in order: the same bits on every run.
// lib: fold

alias Storage = f32;
alias Result = f32;

struct Sizes { N: u32, R: u32, inner: u32, parts: u32, chunk: u32 }

@group(0) @binding(0) var<storage, read> x: array<Storage>;
@group(0) @binding(1) var<storage, read_write> y: array<Result>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = folded(group, groups) * 64u + lane;
  if (n >= sizes.N) {
    return;
  }
  let i = n % sizes.inner;
  let p = (n / sizes.inner) % sizes.parts;
  let o = n / (sizes.inner * sizes.parts);
  let first = p * sizes.chunk;
  let end = min(first + sizes.chunk, sizes.R);
  var total = 0.0;
  for (var r = first; r < end; r++) {
    total += f32(x[(o * sizes.R + r) * sizes.inner + i]);
  }
  y[n] = Result(total);
}
`,

  'swiglu': `// swiglu: y = silu(gate) * up, element by element.
// gate, up (N)  ->  y (N)
// grid: 64 invocations a workgroup, four times four elements each, folded. The last vector may reach past N: it is read whole, since
// bindings are padded to 16 bytes, and written element by element.
// Source: Shazeer 2020 (arXiv:2002.05202), eq. 6.
// lib: fold, silu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> gate: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read> up: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i >= sizes.N) {
      return;
    }
    let value = vec4<Storage>(silu(vec4f(gate[i])) * vec4f(up[i]));
    if (4u * i + 4u <= sizes.N) {
      y[i] = value;
    } else {
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        y[i][k] = value[k];
      }
    }
  }
}
`,

  'swiglu_backward': `// swiglu_backward: dgate = dy * up * slope of silu at gate, dup = dy * silu(gate), each over what it is made from.
// dgate, dup: gate and up before, their gradients after (N); dy (N)
// grid: 64 invocations a workgroup, four times four elements each, folded; tails as in swiglu.
// lib: fold, silu

alias Storage = f32;

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> dy: array<vec4<Storage>>;
@group(0) @binding(1) var<storage, read_write> dgate: array<vec4<Storage>>;
@group(0) @binding(2) var<storage, read_write> dup: array<vec4<Storage>>;
@group(0) @binding(3) var<uniform> sizes: Sizes;

const TILE_X = 1024;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = folded(group, groups) * 256u + lane;
  for (var j = 0u; j < 4u; j++) {
    let i = first + 64u * j;
    if (4u * i >= sizes.N) {
      return;
    }
    let gate = vec4f(dgate[i]);
    let upstream = vec4f(dy[i]);
    let by_up = vec4<Storage>(upstream * silu(gate));
    let by_gate = vec4<Storage>(upstream * vec4f(dup[i]) * silu_slope(gate));
    if (4u * i + 4u <= sizes.N) {
      dgate[i] = by_gate;
      dup[i] = by_up;
    } else {
      for (var k = 0u; k < sizes.N - 4u * i; k++) {
        dgate[i][k] = by_gate[k];
        dup[i][k] = by_up[k];
      }
    }
  }
}
`,

  'tally': `// tally: totals += (loss * kept, kept): what a mean over several batches is made of.
// loss (1), kept (1), totals (2), in place
// grid: one invocation.

@group(0) @binding(0) var<storage, read> loss: array<f32>;
@group(0) @binding(1) var<storage, read> kept: array<f32>;
@group(0) @binding(2) var<storage, read_write> totals: array<f32>;

const TILE_X = 1;

@compute @workgroup_size(1)
fn main() {
  totals[0] += loss[0] * kept[0];
  totals[1] += kept[0];
}
`,
};
