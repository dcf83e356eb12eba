fn sync(&self) {
    if let Err(e) = self.file.sync_all() {
        eprintln!("fsync: {e}");
    }
}
