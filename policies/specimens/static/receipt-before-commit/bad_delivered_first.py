async def commit(self, batch):
    self.fan_out(batch)
    await self.redis.xadd(self.key, batch)
    self.acknowledge(batch)
