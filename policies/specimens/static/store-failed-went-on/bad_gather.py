async def publish(self, batches):
    await asyncio.gather(
        *(self.storage.append(batch) for batch in batches), return_exceptions=True
    )
