// softmax_stats_backward_wide: as softmax_stats_backward, for long rows (a vocabulary of thousands), and on GPUs for all.
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
