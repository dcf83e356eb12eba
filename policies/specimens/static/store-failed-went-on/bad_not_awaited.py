class Journal:
    async def append(self, batch):
        await self.write(batch)


async def publish(journal, batch):
    journal.append(batch)
