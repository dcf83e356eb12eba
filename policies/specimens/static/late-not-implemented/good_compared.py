class StoreKey:
    def __eq__(self, other):
        if not isinstance(other, StoreKey):
            return NotImplemented
        return self.key == other.key
