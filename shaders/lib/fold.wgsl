// The index of a workgroup in a grid of one axis, which the host folds into rows where it exceeds 65,535 workgroups.
fn folded(group: vec3u, groups: vec3u) -> u32 {
  return group.y * groups.x + group.x;
}
