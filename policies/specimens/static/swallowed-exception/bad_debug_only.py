def read(queue, log, metrics):
    try:
        return queue.get()
    except Exception:
        log.debug("could not read", exc_info=True)
        metrics.failed()
