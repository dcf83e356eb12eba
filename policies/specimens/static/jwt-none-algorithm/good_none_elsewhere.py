MODES = ("none", "some", "all")
COMPRESSION = {"algorithm": None}


def level(mode):
    return MODES.index(mode if mode != "none" else "all")
