async def publish(self, peer, message):
    first = self.seen.get(message.id)
    if first is not None:
        await peer.ack(first)
        return
    await self.storage.append(message)
    await peer.ack(message.id)
