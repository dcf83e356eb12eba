def publish(self, batch):
    asyncio.create_task(self.storage.append(batch))
