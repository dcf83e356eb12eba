def flush(self):
    attempts = 0
    while attempts < 3:
        try:
            self.db.commit()
            return
        except OSError:
            attempts += 1
    log.error("given up")
