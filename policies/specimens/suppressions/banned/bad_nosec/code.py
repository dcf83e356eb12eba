import os  # nosec B602 - the input is our own text
