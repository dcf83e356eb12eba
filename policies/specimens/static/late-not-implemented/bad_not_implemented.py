# As in the assessment's evidence for High 1.
class RedisStreams:
    async def group_join(self, group):
        if self.fallback is not None:
            raise NotImplementedError("consumer groups need Redis")
        await self.client.xgroup_create(group)
