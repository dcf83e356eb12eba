@backoff.on_exception(backoff.expo, ConnectionError, max_tries=3, raise_on_giveup=False)
async def append(self, batch):
    await self.storage.append(batch)
