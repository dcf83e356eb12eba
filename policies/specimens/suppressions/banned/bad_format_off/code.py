import os  # fmt: skip - a table reads better
