async fn publish(&self, batch: Batch) {
    if let Err(e) = self.storage.append(&batch).await {
        tracing::warn!("not stored: {e}");
    }
    self.deliver(batch).await;
}
