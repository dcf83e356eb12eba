async def publish(self, batch):
    try:
        await self.store.append(batch)
    except StoreError as error:
        self.last_error = error
    await self.broadcast(batch)
