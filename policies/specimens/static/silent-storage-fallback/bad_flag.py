async def start(self):
    try:
        await self.store.open()
    except OSError:
        self.use_memory = True
