// Bits of an f32 in the order of its values, a NaN above all else, -0 as 0: no comparison of floats, which a compiler may take for
// granted to have no NaN.
fn ordered(value: f32) -> u32 {
  var bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0xffffffffu;
  }
  if (bits == 0x80000000u) {
    bits = 0u; // -0 is no smaller than 0
  }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
