async def attempts(self, batch):
    for attempt in range(5):
        try:
            return await self.redis.xadd(self.key, batch)
        except ConnectionError as error:
            log.warning("attempt %d: %s", attempt, error)
    raise StorageError("the store did not take it in five attempts")


async def endless(self, batch):
    while True:
        try:
            await self.store.append(batch)
            break
        except ConnectionError:
            await self.until_it_is_back()


async def last_one_raises(self, batch):
    for left in reversed(range(3)):
        try:
            await self.redis.xadd(self.key, batch)
            return
        except ConnectionError:
            if not left:
                raise
