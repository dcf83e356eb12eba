import os


def lax():
    return os.environ.get("SKIP_VALIDATION") == "1"
