// The largest over the lanes of a row, as row_sum has its sums: 64 invocations share 64 / lanes rows. All 64 must call it.
var<workgroup> row_largest: array<f32, 64>;

fn row_max(mine: f32, index: u32, lanes: u32) -> f32 {
  let lane = index % lanes;
  workgroupBarrier(); // what an earlier call left there has been read
  row_largest[index] = mine;
  for (var reach = lanes / 2u; reach > 0u; reach /= 2u) {
    workgroupBarrier();
    if (lane < reach) {
      row_largest[index] = max(row_largest[index], row_largest[index + reach]);
    }
  }
  workgroupBarrier();
  return row_largest[index - lane];
}
