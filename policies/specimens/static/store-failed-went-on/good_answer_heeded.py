async def publish(self, batch):
    if not await self.storage.append(batch):
        return self.refuse(batch)
    return self.deliver(batch)


def other(self, batch):
    result = self.store.append(batch)
    if isinstance(result, StorageError):
        self.tell(batch, result)
        return
    self.deliver(batch)


def third(self, key):
    created = self.store.create(key)
    if created:
        log.info("a new channel")
