async def open_store(settings):
    try:
        store = await connect_valkey(settings.url)
    except* OSError:
        store = InMemoryStore()
    return store
