// softmax_stats_backward_before: the gradient of the statistics of the chunks before. Their share of the sum of exponentials is
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
