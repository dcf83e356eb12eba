"""Wiring and lifecycle: the only floor that knows every implementation."""
