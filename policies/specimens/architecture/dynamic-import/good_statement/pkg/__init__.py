"""A specimen."""
