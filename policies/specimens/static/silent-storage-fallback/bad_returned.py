def build(path):
    try:
        return SqliteStorage(path)
    except Exception:
        return InMemoryStorage()
