fn publish(&self, batch: Batch) {
    match self.journal.commit(&batch) {
        Ok(_) => {}
        Err(e) => error!("journal: {}", e),
    }
}
