# As in the assessment's evidence for High 3.
class Streams:
    async def pending(self, group):
        try:
            return await self.redis.xpending(self.key, group)
        except:
            pass
        return []
