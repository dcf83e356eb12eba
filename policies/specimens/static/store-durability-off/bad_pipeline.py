async def write(self, pipeline):
    await pipeline.execute(raise_on_error=False)
