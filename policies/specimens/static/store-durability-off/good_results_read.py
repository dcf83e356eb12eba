async def write(self, pipeline):
    answers = await pipeline.execute(raise_on_error=False)
    return [one for one in answers if isinstance(one, Exception)]
