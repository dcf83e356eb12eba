pub fn claim(group: &str) -> Vec<Entry> {
    todo!()
}
