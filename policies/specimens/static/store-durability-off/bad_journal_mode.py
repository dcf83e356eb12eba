connection.execute("PRAGMA journal_mode=MEMORY")
