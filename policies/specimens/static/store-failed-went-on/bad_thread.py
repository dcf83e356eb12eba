def publish(self, batch):
    Thread(target=self.db.insert, args=(batch,)).start()
