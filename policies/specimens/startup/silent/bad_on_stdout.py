"""Says it where nobody looks for errors."""

import sys

sys.stdout.write("not started: there is no authentication\n")
sys.exit(78)
