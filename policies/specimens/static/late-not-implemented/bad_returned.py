class JournalStore:
    def replay(self, since):
        return NotImplemented
