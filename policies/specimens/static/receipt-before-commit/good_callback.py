class Bus:
    def publish(self, batch):
        self.batch = batch
        self.storage.append(batch, self.committed)

    def committed(self, result):
        if isinstance(result, StorageError):
            self.refuse(self.batch, result)
            return
        self.deliver(self.batch)
