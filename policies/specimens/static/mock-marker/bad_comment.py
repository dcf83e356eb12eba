def score(frame):
    return 0.5  # stub
