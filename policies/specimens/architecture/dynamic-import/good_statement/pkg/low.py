"""A specimen."""

from importlib.metadata import version


def module_of(registry, name):
    return registry.module(name), version("pkg")
