// Two sums at once over the 8 rows of a block of 32 columns, one invocation an element, through workgroup memory, as a tree: the
// same bits on every run. All 256 must call it, for its barriers; those of the first row get the sums.
var<workgroup> column_sums: array<vec2f, 256>;

fn column_sum(mine: vec2f, index: u32) -> vec2f {
  workgroupBarrier(); // what an earlier call left there has been read
  column_sums[index] = mine;
  for (var reach = 128u; reach >= 32u; reach /= 2u) {
    workgroupBarrier();
    if (index < reach) {
      column_sums[index] += column_sums[index + reach];
    }
  }
  return column_sums[index];
}
