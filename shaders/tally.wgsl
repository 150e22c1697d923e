// tally: totals += (loss * kept, kept): what a mean over several batches is made of.
// loss (1), kept (1), totals (2), in place
// grid: one invocation.

@group(0) @binding(0) var<storage, read> loss: array<f32>;
@group(0) @binding(1) var<storage, read> kept: array<f32>;
@group(0) @binding(2) var<storage, read_write> totals: array<f32>;

const TILE_X = 1;

@compute @workgroup_size(1)
fn main() {
  totals[0] += loss[0] * kept[0];
  totals[1] += kept[0];
}
