# HACK around a slow peer
PAUSE = 0.1
