class MemoryStore:
    async def read_group(self, group):
        raise StorageError("consumer groups are not supported by this store")
