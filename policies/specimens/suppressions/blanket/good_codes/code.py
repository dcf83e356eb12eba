import os  # noqa: F401 - other modules take it from here
