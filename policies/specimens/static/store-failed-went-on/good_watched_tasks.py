def started(self, batch):
    task = self.loop.create_task(self.store.append(batch))
    self.commits.add(task)
    task.add_done_callback(lambda done: self.settle(done, batch))


async def publish(self, batches):
    async with asyncio.TaskGroup() as group:
        for batch in batches:
            group.create_task(self.storage.append(batch))
    task = asyncio.create_task(self.storage.append(batches[0]))
    await task
    results = await asyncio.gather(*map(self.storage.append, batches), return_exceptions=True)
    self.refuse([one for one in results if isinstance(one, Exception)])
