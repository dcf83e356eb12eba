async def publish(self, batch):
    try:
        await self.storage.append(batch)
    except OSError as error:
        raise StorageError("the store can't be written") from error
    self.deliver(batch)
