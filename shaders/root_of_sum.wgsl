// root_of_sum: y = sqrt(sum of x). x (N)  ->  y (1)
// grid: one workgroup. Each of 64 invocations adds up every 64th element, then the first adds those sums in order.

struct Sizes { N: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var own = 0.0;
  for (var i = lane; i < sizes.N; i += 64u) {
    own += x[i];
  }
  sums[lane] = own;
  workgroupBarrier();
  if (lane == 0u) {
    var total = 0.0;
    for (var i = 0u; i < 64u; i++) {
      total += sums[i];
    }
    y[0] = sqrt(total);
  }
}
