"""Says why it doesn't start, but no supervisor would see it."""

import sys

sys.stderr.write("not started: there is no authentication\n")
