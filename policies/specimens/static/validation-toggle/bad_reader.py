def load(read):
    return read("ARQONBUS_AUTH_DISABLED", False)
