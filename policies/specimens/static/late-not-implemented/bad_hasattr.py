def join(self, group):
    if not hasattr(self.storage, "group_join"):
        return None
    return self.storage.group_join(group)
