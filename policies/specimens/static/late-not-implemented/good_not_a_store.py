class Codec:
    def encode(self, value):
        raise UnsupportedType(value)


def name_of(error):
    return getattr(error, "sqlite_errorname", "unknown")
