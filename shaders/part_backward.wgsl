// part_backward: the gradient of x, of which y is the window of `length` elements from `start` on: dy there, 0 elsewhere.
// dy (length)  ->  dx; if ACCUMULATE is 1, added onto what dx holds
// grid: one invocation an element of dx from `first` on, N of them, folded: the window alone, or all of dx.
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
