async def drain(self):
    for batch in self.batches:
        try:
            await self.store.write(batch)
        except StoreError:
            continue
        self.written += 1
