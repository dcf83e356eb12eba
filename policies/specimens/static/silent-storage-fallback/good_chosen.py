def build(settings):
    if settings.storage.backend == "memory":
        return MemoryStorage(settings.storage.retention)
    return SqliteStorage(settings.storage.path)
