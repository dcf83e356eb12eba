def score(frame):
    """Score a frame."""
    raise NotImplementedError
