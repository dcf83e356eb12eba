def job(self, batch, on_commit):
    try:
        self.journal.append(batch)
    except OSError as error:
        log.exception("a commit failed")
        on_commit(StorageError(str(error)))
        return
    on_commit(None)


def other(self, batch, future):
    try:
        self.db.commit()
    except sqlite3.Error as error:
        future.set_exception(error)
    else:
        future.set_result(None)
