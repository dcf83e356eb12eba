def job(self, batch):
    try:
        result = self.commit(batch)
    except sqlite3.Error as error:
        result = refusal(error)
    self.loop.call_soon_threadsafe(self.settle, result)


def written(self, batch):
    try:
        self.store.write(batch)
    except OSError:
        return False
    return True
