async def publish(self, batch):
    try:
        await self.primary.store(batch)
    except ConnectionError as error:
        self.lower_to(Durability.MEMORY, error)
        return Lowered(Durability.MEMORY)
    return None


async def probe(self):
    try:
        await self.redis.set(self.key, self.token)
    except RedisError as error:
        self._problem = str(error)
