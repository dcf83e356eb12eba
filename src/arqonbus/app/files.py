"""The operating system's limit on open files, which every connection counts against."""

from __future__ import annotations

import sys

# The store, the listening sockets, the HTTP pages' connections, and what libraries open.
RESERVED = 128


def allow_connections(wanted: int) -> int:
    """Raise this process' limit as far as `wanted` connections need; how many it allows now.

    Only up to the hard limit: to raise that is for whoever runs the machine.
    """
    if sys.platform == "win32":
        return wanted
    import resource  # noqa: PLC0415 - POSIX only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    needed = wanted + RESERVED
    if soft != unlimited and soft < needed:
        soft = needed if hard == unlimited else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == unlimited else max(0, min(wanted, soft - RESERVED))
