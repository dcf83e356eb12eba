def read(queue):
    try:
        return queue.get()
    except:
        pass
