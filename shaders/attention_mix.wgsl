// attention_mix: y[row] = sum over heads and columns of w[row,col] x[col]: dq from ds and k, dk from ds^T and q, dv from p^T and dy.
// w: one of the two score matrices, read through w_row and w_col, so that a transpose is a change of strides; x (columns,D) and
// y (rows,D) at strides that count vec4s. y head n adds up the `heads` score heads n * heads + g; score head m reads x head m / X_GROUP.
// If CAUSAL, row r takes only the columns that the causal rule and the window let through, n - window < c <= n with n = r + offset
// where the rows are queries, n <= c < n + window with n = r - offset where they are keys (KEY_ROWS), and if PACKED only
// where the key is not below `positions` of the query: attention_scores does not write the others.
// grid: one invocation 8 rows x one vec4 of D, `vectors` neighbours side by side; y heads, z batch entries.
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
