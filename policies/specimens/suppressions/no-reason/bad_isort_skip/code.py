import os  # isort: skip
