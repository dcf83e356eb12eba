ANY = (OSError, Exception)


def read(queue):
    try:
        return queue.get()
    except ANY:
        return None
