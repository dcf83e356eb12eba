"""What was written down by an earlier run: read, checked for contradictions, compared."""
