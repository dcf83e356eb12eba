class Peer:
    async def run(self):
        while True:
            try:
                await self.pump()
            except Exception:
                self.log.exception("the peer failed")
                await self.pause()
