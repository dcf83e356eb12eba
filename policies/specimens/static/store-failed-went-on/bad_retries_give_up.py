async def persist_all(self, batch):
    for attempt in range(5):
        try:
            await self.redis.xadd(self.key, batch)
            break
        except ConnectionError as error:
            log.warning("attempt %d: %s", attempt, error)
            await asyncio.sleep(2**attempt)
