async def publish(self, batches):
    async with asyncio.TaskGroup() as group:
        for batch in batches:
            group.create_task(self.storage.append(batch))
    task = asyncio.create_task(self.storage.append(batches[0]))
    await task
    results = await asyncio.gather(*map(self.storage.append, batches), return_exceptions=True)
    self.refuse([one for one in results if isinstance(one, Exception)])
