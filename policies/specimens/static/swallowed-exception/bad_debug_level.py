import logging


def read(queue, log, metrics):
    try:
        return queue.get()
    except Exception:
        log.log(logging.DEBUG, "could not read", exc_info=True)
        metrics.failed()
