import os  # noqa: F401 - others take it from here
