"""A stub of the standard library."""
