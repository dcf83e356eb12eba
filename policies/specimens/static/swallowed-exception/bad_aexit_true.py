class Quiet:
    async def __aenter__(self):
        return self

    async def __aexit__(self, kind, error, where):
        await self.close()
        return True
