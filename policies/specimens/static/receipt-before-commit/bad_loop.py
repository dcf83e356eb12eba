def take(self, batch):
    for message in batch:
        message.peer.send_receipt(message.id)
        self.journal.append(message)
