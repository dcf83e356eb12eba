"""What stops a measurement."""

from __future__ import annotations


class BenchError(Exception):
    """The figures would not be true: nothing is reported instead."""
