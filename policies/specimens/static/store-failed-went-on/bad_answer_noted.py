async def publish(self, batch):
    if not await self.storage.append(batch):
        log.error("not stored")
    self.deliver(batch)
