pub fn score(_frame: &Frame) -> f64 {
    // mocked for now
    1.0
}
