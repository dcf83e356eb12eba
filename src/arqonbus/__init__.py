"""ArqonBus: a WebSocket message bus that never says more than it did."""

from arqonbus.version import __version__

__all__ = ["__version__"]
