def read(queue):
    try:
        return queue.get()
    except (ValueError, Exception):
        return b""
