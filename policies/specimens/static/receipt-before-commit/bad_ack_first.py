async def publish(self, peer, message):
    await peer.ack(message.id)
    await self.storage.append(message)
