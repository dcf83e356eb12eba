import os


def compact(old, new, records):
    try:
        with open(new, "wb") as file:
            file.write(records)
            os.fsync(file.fileno())
    except OSError:
        log.warning("not on disk yet")
    os.remove(old)
