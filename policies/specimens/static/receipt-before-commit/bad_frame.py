async def publish(self, socket, message):
    await socket.send_json({"type": "ack", "request_id": message["id"], "durability": "disk"})
    await self.db.execute(INSERT, message)
