# As in the assessment's evidence for High 1.
class RedisStreams:
    async def start(self):
        try:
            self.client = await connect(self.url)
            await self.client.ping()
        except ConnectionError as error:
            logger.warning("no redis: %s", error)
            self.fallback = MemoryStorage()
