// argmax: where each part of each row has its largest element.
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
