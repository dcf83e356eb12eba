/// Entries that wait for an acknowledgement.
pub fn pending(store: &Store, group: &str) -> Vec<Entry> {
    store.pending(group).collect()
}
