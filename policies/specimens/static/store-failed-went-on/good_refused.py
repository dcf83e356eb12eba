async def publish(self, batch):
    try:
        await self.store.append(batch)
    except StoreError:
        self.refuse_all(batch)
        return
    self.deliver(batch)
