def ended(task, report):
    failure = task.exception()
    if failure is not None:
        report(failure)


def start(task):
    task.add_done_callback(ended)
    task.add_done_callback(lambda done: print(done.exception()))
