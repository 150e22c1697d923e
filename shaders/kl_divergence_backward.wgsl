// kl_divergence_backward: dlogits = dstats.y * (p - q) / t, p and q as in kl_divergence; 0 in rows whose dstats is 0, whatever
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
