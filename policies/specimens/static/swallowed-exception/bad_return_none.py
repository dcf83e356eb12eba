def read(queue):
    try:
        return queue.get()
    except Exception:
        return None
