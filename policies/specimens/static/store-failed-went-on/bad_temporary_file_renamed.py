import os


def write_temporary(fd, data):
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        try:
            os.fsync(file.fileno())
        except OSError:
            pass


def save(path, fd, data):
    write_temporary(fd, data)
    os.replace(f"{path}.new", path)
