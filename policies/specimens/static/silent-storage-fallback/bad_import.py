def build(url):
    try:
        import redis
    except ImportError:
        return MemoryStore()
    return RedisStore(redis.from_url(url))
