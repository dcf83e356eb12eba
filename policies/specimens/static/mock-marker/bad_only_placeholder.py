def score(frame):
    """This is just a placeholder."""
    return 0.5
