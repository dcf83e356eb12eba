"""Refuses, with its reason and the right code."""

import sys

sys.stderr.write("not started: there is no authentication\n")
sys.exit(78)
