async def claim(self, task):
    claim = getattr(self._backend, "claim", None)
    return None if claim is None else await claim(task)
