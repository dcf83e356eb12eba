def remember(self, key):
    try:
        self.db.insert(key)
    except sqlite3.IntegrityError:
        return self.first_receipt(key)
    return None
