async def publish(self, peer, message):
    await asyncio.gather(self.storage.append(message), peer.ack(message.id))
