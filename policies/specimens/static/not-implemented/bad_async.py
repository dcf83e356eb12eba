async def score(frame):
    raise NotImplementedError()
