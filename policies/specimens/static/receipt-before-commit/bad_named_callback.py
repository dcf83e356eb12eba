class Bus:
    def publish(self, batch):
        self.batch = batch
        self.storage.append(batch, self.committed)

    def committed(self, result):
        self.deliver(self.batch)
