@retry(stop=stop_after_attempt(3), reraise=True)
async def append(self, batch):
    await self.storage.append(batch)
