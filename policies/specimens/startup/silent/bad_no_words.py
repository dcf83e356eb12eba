"""Refuses without a reason."""

import sys

sys.exit(78)
