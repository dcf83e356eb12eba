import os


def wipe(path):
    try:
        with open(path, "r+b") as file:
            file.write(bytes(os.path.getsize(path)))
            os.fsync(file.fileno())
    except OSError:
        pass
    finally:
        try:
            os.remove(path)
        except FileNotFoundError:
            pass


def shred(key):
    with key.path.open("r+b") as file:
        try:
            overwrite(file)
        except OSError as error:
            log.warning("not overwritten", reason=str(error))
    key.path.unlink()
