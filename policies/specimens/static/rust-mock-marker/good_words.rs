/// Fills the gap between two frames; nothing here mocks anybody.
fn fill(gap: usize) -> Vec<u8> {
    vec![0; gap]
}
