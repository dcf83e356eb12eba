def size(view):
    try:
        return len(view)
    except TypeError:
        return memoryview(view).nbytes
