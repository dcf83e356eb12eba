def settled(self, task):
    self.group.ack(task)
    self.journal.append(task.record())
