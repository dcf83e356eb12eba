"""Locks of other tools than pip: read, and said in the form that pip takes with hashes."""
