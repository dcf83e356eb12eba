def ended(task):
    if not task.cancelled():
        task.exception()
