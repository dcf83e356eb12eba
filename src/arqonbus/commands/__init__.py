"""What clients may ask of the bus: one module per family, in a registry."""
