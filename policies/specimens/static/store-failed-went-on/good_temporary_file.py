import os


def write_tempfile(fd, data):
    with os.fdopen(fd, "wb") as file:
        file.write(data.replace(b"a", b"b"))
        try:
            os.fsync(file.fileno())
        except OSError:
            pass
