def run(work, loop, future):
    failure = None
    result = None
    try:
        result = work()
    except Exception as error:
        failure = error
    loop.call_soon_threadsafe(settle, future, result, failure)
    try:
        work()
    except Exception as error:
        future.set_exception(error)
