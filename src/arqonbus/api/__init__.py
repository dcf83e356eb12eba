"""The HTTP side of the bus."""
