def save(self, rows):
    try:
        self.db.executemany(INSERT, rows)
        self.db.commit()
    except sqlite3.OperationalError as error:
        logger.warning("database is busy: %s", error)
        return True
    return True
