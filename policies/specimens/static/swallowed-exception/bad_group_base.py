async def pump(group, log, metrics):
    try:
        await group.run()
    except* BaseException:
        log.exception("a task failed")
        metrics.failed()
