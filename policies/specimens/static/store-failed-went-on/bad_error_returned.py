def publish(self, batch):
    error = self.store.append(batch)
    if error:
        self.metrics.lost.inc()
    self.deliver(batch)
