def read(queue, log, metrics):
    try:
        return queue.get()
    except Exception as error:
        log.info("could not read: %s", error)
        metrics.failed()
