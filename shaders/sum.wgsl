// sum: y[o, p, i] = sum of x[o, r, i] over the r of part p: r from p * chunk up to (p + 1) * chunk.
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
