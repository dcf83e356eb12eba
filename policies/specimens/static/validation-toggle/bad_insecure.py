import os

LAX = bool(os.environ["ARQONBUS_INSECURE"])
