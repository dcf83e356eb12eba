async def publish(self, batch):
    try:
        await self.valkey.xadd(self.key, batch)
    except* ConnectionError:
        self.metrics.lost.inc()
