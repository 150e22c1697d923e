// A tile of attention scores is a mat4x4f: one column a key, one component a query.
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

// The last `window` keys up to its own position, of Tk keys.
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
