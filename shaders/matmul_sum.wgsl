// matmul_sum: the second half of a product made in parts over k: y = the sum of the parts (+ bias) (+ residual) (+ y).
// partial (PARTS,COUNT), partial_sums (PARTS,N)  ->  y (COUNT elements, rows of N)  sums (N)
// grid: one invocation an element, folded. Parts are added in order, in f32: the same bits on every run.
// With HAS_SUMS, also the sums of b's columns (+ sums), by the first invocations.
// lib: fold
// optional: partial_sums, bias, residual, sums

alias Storage = f32;
alias Result = f32;

struct Sizes {
  COUNT: u32, N: u32, PARTS: u32,
  HAS_BIAS: u32,
  HAS_RESIDUAL: u32,
  ACCUMULATE: u32,
  HAS_SUMS: u32,
  ACCUMULATE_SUMS: u32,
}

@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read> partial_sums: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<Storage>;
@group(0) @binding(4) var<storage, read_write> y: array<Result>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = folded(group, groups) * 64u + lane;
  if (i >= sizes.COUNT) {
    return;
  }
  var value = 0.0;
  for (var part = 0u; part < sizes.PARTS; part++) {
    value += partial[part * sizes.COUNT + i];
  }
  if (sizes.HAS_BIAS == 1u) {
    value += bias[i % sizes.N];
  }
  if (sizes.HAS_RESIDUAL == 1u) {
    value += f32(residual[i]);
  }
  if (sizes.ACCUMULATE == 1u) {
    value += f32(y[i]);
  }
  y[i] = Result(value);
  if (sizes.HAS_SUMS == 1u && i < sizes.N) {
    var sum = 0.0;
    for (var part = 0u; part < sizes.PARTS; part++) {
      sum += partial_sums[part * sizes.N + i];
    }
    if (sizes.ACCUMULATE_SUMS == 1u) {
      sum += sums[i];
    }
    sums[i] = sum;
  }
}
