async def keep_temporary(self, batch):
    try:
        await self.storage.append(batch)
    except OSError:
        pass
