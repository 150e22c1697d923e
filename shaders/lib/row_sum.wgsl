// Two sums at once over the lanes of a row, through workgroup memory, as a tree: the same bits on every run. 64 invocations share
// 64 / lanes rows, whose lanes follow each other; `lanes` is a power of two. All 64 must call it, for its barriers.
var<workgroup> row_sums: array<vec2f, 64>;

fn row_sum(mine: vec2f, index: u32, lanes: u32) -> vec2f {
  let lane = index % lanes;
  workgroupBarrier(); // what an earlier call left there has been read
  row_sums[index] = mine;
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach) {
      row_sums[index] += row_sums[index + reach];
    }
  }
  workgroupBarrier();
  return row_sums[index - lane];
}
