class SqliteStorage(Storage):
    def claim(self, task):
        raise NotImplementedError
