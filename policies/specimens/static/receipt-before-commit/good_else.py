async def publish(self, peer, message):
    try:
        await self.storage.append(message)
    except OSError as error:
        await peer.refuse(error)
    else:
        await peer.ack(message.id)
