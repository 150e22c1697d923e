// Counted random numbers, bit for bit those of src/tensor/random.ts: element n of a step of a stream, by 32-bit integers alone.
// Source: finaliser of MurmurHash3 (Appleby 2011, public domain) over a Weyl sequence (Steele, Lea and Flood 2014).
const GOLDEN = 0x9e3779b1u;

fn mix32(x: u32) -> u32 {
  var h = x;
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return h ^ (h >> 16u);
}

fn step_key(stream: u32, step_number: u32) -> vec2u {
  return vec2u(mix32(stream + step_number * GOLDEN), mix32(stream ^ mix32(step_number + GOLDEN)));
}

fn random_bits(key: vec2u, element: vec4u) -> vec4u {
  var h = element * GOLDEN + key.x;
  h = (h ^ (h >> vec4u(16u))) * 0x85ebca6bu;
  h = (h ^ (h >> vec4u(13u)) ^ vec4u(key.y)) * 0xc2b2ae35u;
  return h ^ (h >> vec4u(16u));
}

// What four elements are multiplied with under dropout: keep_scale where they are kept, else 0.
fn keep_factors(key: vec2u, element: vec4u, threshold: u32, keep_scale: f32) -> vec4f {
  return select(vec4f(), vec4f(keep_scale), random_bits(key, element) >= vec4u(threshold));
}
