// cache_write: keys and values of new tokens into a cache: keys[b, start[b] + t] = k[b,t], values likewise.
// k, v: rows (B*T) of `token` numbers, of which W from k_first and from v_first on are read, so that both may lie in one packed
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
