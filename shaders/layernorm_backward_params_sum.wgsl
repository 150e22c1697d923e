// layernorm_backward_params_sum: dweight[c] = sum of partWeight[p, c] over the parts p, and dbias of partBias, in one dispatch.
// partWeight, partBias (parts,C), of layernorm_backward_params  ->  dweight, dbias (C)
// grid: one invocation a column, folded. Parts are added in order: the same bits on every run.
// lib: fold

struct Sizes { C: u32, parts: u32 }

@group(0) @binding(0) var<storage, read> partWeight: array<f32>;
@group(0) @binding(1) var<storage, read> partBias: array<f32>;
@group(0) @binding(2) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(3) var<storage, read_write> dbias: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let c = folded(group, groups) * 64u + lane;
  if (c >= sizes.C) {
    return;
  }
  var weight = 0.0;
  var bias = 0.0;
  for (var p = 0u; p < sizes.parts; p++) {
    weight += partWeight[p * sizes.C + c];
    bias += partBias[p * sizes.C + c];
  }
  dweight[c] = weight;
  dbias[c] = bias;
}
