async def start(self):
    try:
        await self.store.open()
    except OSError as error:
        raise StorageUnavailable("the store can't be opened") from error
