"""A specimen."""

import importlib


def floor(name):
    return importlib.import_module(f"pkg.{name}")
