class MemoryStorage:
    capabilities = frozenset()

    def append(self, batch):
        self.streams.extend(batch)


def check(settings, storage):
    if settings.groups and Capability.GROUPS not in storage.capabilities:
        raise ConfigError("groups are not supported by this store: choose another backend")
