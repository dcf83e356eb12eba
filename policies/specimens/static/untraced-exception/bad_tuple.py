def read(queue, log):
    try:
        return queue.get()
    except (ValueError, Exception) as error:
        log.warning("could not read: %s", error)
        return None
