// argmax_parts: the best of the parts of each row.
// best (N,PARTS,2)  ->  y (N), -1 where the best is a NaN
// grid: one invocation a row.

struct Sizes { N: u32, PARTS: u32 }

@group(0) @binding(0) var<storage, read> best: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> y: array<i32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

const TILE_X = 64;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let n = id.x;
  if (n >= sizes.N) {
    return;
  }
  var most = vec2u();
  for (var part = 0u; part < sizes.PARTS; part++) {
    let other = best[n * sizes.PARTS + part];
    if (other.x > most.x) {
      most = other;
    }
  }
  y[n] = select(i32(most.y), -1, most.x == 0xffffffffu);
}
