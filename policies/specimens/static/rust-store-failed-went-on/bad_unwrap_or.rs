fn save(&mut self, row: Row) -> u64 {
    self.db.execute(INSERT, row).unwrap_or(0)
}
