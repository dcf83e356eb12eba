"""Plain data of the bus: frozen, no I/O."""
