async def publish(self, batch):
    try:
        await self.storage.append(batch)
    except Exception as error:
        if self.strict:
            raise
        log.error("goes on without the store", exc_info=error)
