pub struct MockStore {
    entries: Vec<Entry>,
}
