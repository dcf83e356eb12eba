import pickle  # nosemgrep: pickle - it is our own file
