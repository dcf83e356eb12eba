def score(frame):
    return 1  # placeholder
