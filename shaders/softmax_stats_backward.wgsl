// softmax_stats_backward: dlogits = dstats.y * softmax + dstats.z at the target + dstats.w; 0 in rows whose dstats is 0, whatever
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
