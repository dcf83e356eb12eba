async fn publish(&self, batch: Batch) -> Result<(), Error> {
    let store = self.store.clone();
    let written = tokio::spawn(async move { store.append(batch).await });
    written.await?
}
