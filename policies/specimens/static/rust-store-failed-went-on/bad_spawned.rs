fn publish(&self, batch: Batch) {
    let store = self.store.clone();
    tokio::spawn(async move { store.append(batch).await });
}
