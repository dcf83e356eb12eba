async def publish(self, peer, message):
    receipt = self.make_receipt(message)
    await self.storage.append(message)
    peer.send(receipt)
