async fn publish(&self, batch: Batch) -> Result<(), Error> {
    self.storage.append(&batch).await?;
    self.deliver(batch).await;
    Ok(())
}
