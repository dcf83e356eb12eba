"""Exit codes, after sysexits.h where it has one; docs/running.md lists them."""

import enum


class Exit(enum.IntEnum):
    """Why the command ended."""

    OK = 0
    USAGE = 2  # click's own: an unknown option or command
    UNAVAILABLE = 69  # an address is taken or can't be bound, or there are no keys
    SOFTWARE = 70  # a fault of the bus itself
    IO = 74  # storage can't be opened, a file can't be read or written
    CONFIG = 78  # the configuration has problems; nothing was started
