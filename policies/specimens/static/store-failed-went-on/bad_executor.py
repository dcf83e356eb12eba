def publish(self, batch):
    self.loop.run_in_executor(None, self.journal.append, batch)
