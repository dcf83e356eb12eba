def read(queue):
    try:
        return queue.get()
    except (KeyboardInterrupt, BaseException):
        return None
