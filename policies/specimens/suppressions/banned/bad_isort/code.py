import os  # isort: skip - the order matters here
