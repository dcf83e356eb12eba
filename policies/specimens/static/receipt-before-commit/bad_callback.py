def publish(self, batch):
    self.storage.append(batch, lambda _: self.acknowledge(batch))
