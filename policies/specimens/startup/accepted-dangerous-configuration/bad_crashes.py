"""Ends by a traceback that happens to hold the words: it has refused nothing."""

raise RuntimeError("no authentication")
