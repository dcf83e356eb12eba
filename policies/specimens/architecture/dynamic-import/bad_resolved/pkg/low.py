"""A specimen."""

import pkgutil


def command(place):
    return pkgutil.resolve_name(place)
