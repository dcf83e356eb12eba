def publish(self, batch):
    task = asyncio.ensure_future(self.store.write(batch))
    self.tasks.add(task)
    task.add_done_callback(self.tasks.discard)
