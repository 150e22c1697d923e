// Sums over the classes of a row for the divergence of a student (x) from its teacher (y).

// What a class adds: its two exponentials, and the teacher's times how much further below its largest logit the student has it.
// scaled: both logits, less the largest of their rows and divided by the temperature: none is above 0. A class that the teacher rules
// out adds nothing, however far away the student has it.
fn divergence_part(scaled: vec2f) -> vec3f {
  let e = exp(scaled);
  return vec3f(e, select(0.0, e.y * (scaled.y - scaled.x), e.y > 0.0));
}

// sum of q ln(q / p) out of the sums of those.
fn divergence_of(sums: vec3f) -> f32 {
  return sums.z / sums.y + (log(sums.x) - log(sums.y));
}
