import os  # nosec B404 - it runs our own words
