async def publish(self, peer, message):
    await self.storage.append(message)
    self.deliver(message)
    await peer.ack(message.id)
