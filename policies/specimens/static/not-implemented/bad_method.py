class Streams:
    async def claim(self, group):
        raise NotImplementedError("not in memory")
