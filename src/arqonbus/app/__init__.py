"""The composition of a bus: preflight, build and lifecycle."""
