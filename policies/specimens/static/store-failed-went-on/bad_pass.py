def keep(self, message):
    try:
        self.redis.xadd(self.key, message)
    except (ConnectionError, TimeoutError):
        pass
