async def publish(self, batch):
    with contextlib.suppress(ConnectionError, TimeoutError):
        await self.backend.append(batch)
    await self.fan_out(batch)
