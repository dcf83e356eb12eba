async def publish(self, peer, message):
    try:
        await self.storage.append(message)
    finally:
        await peer.ack(message.id)
