@retry(stop=stop_after_attempt(3), retry_error_callback=lambda state: None)
async def append(self, batch):
    await self.storage.append(batch)
