import pickle  # nosec - it is our own file
