async def publish(self, batch):
    try:
        await self.storage.append(batch)
    except StorageError:
        log.exception("not stored")
        self.metrics.store_failed()
    self.deliver(batch)
