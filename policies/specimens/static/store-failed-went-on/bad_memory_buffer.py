# Goes on from memory: the level in every receipt is a lie from here on.
async def append(self, batch):
    try:
        await self.redis.execute("XADD", *batch)
    except RedisError:
        self.buffer.extend(batch)
