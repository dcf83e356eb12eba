class Peer:
    async def run(self):
        try:
            await self.pump()
        except Exception as error:
            self.log.critical("peer_failed", why=repr(error), exc_info=False)
            self.metrics.failed()
