// Whether a target counts: it is a class, 0..V-1, and not the one to ignore.
fn is_kept(target_id: i32, ignore_index: i32, V: u32) -> bool {
  return target_id != ignore_index && target_id >= 0 && u32(target_id) < V;
}
