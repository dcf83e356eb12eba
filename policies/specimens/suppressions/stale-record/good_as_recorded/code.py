import os  # noqa: F401 - taken from here
