async def write(self, message):
    try:
        return await self._journal.append(message)
    except OSError as error:
        print(f"journal: {error}")
        return None
