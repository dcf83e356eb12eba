def notify(callbacks, frame):
    for callback in callbacks:
        try:
            callback(frame)
        except Exception:
            pass
