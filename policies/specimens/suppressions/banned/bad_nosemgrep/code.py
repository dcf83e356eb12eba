import os  # nosemgrep: a.rule - it is wrong here
