"""Bring the loopback device of a new network namespace up, and become the given command.

    unshare --user --map-root-user --net -- python -I loopback_only.py COMMAND ARGUMENT…

Nothing else can be reached from there, and every port is free.
"""

import fcntl
import os
import socket
import struct
import sys

_SIOCSIFFLAGS = 0x8914  # netdevice(7)
_IFF_UP = 0x1
_IFREQ = "16sH22x"  # a name and its flags, in the 40 bytes of a struct ifreq


def main() -> None:
    """Set the device up and go on as the command."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack(_IFREQ, b"lo", _IFF_UP))
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - there is no shell, and none is wanted


if __name__ == "__main__":
    main()
