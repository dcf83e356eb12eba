"""A specimen."""

HIGH = __import__("pkg.high")
