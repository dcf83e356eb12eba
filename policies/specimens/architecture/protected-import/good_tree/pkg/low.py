"""A specimen."""

VALUE = 1
