import os


def secret():
    return os.environ.get("JWT_SECRET", "a-literal")
