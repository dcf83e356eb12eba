def collect(self, lines):
    try:
        self.stored.append(parse(lines))
        self.socket.write(lines)
    except OSError:
        log.info("the peer is gone")


async def close(self):
    with contextlib.suppress(OSError):
        await self.redis.aclose()
