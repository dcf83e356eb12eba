import os


def secret():
    return os.environ["JWT_SECRET"]
