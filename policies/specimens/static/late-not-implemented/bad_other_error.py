class MemoryBackend:
    def pending(self, group):
        raise UnsupportedOperation(group)
