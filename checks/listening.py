"""The listening TCP sockets of this machine, asked of the kernel.

``/proc/net/tcp`` says the same, but to write it the kernel walks its table of all connections,
which takes milliseconds. Asked by netlink (sock_diag(7)) for those that listen, it sees no other.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOCK_DIAG: Final = 4  # NETLINK_SOCK_DIAG, linux/netlink.h
_BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY, linux/sock_diag.h
_DUMP: Final = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
_LISTEN: Final = 1 << 10  # of TCP_LISTEN, net/tcp_states.h
_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr
_REQUEST: Final = struct.Struct("=BBBxI48x")  # struct inet_diag_req_v2, any address
_INODE_AT: Final = _HEADER.size + 68  # idiag_inode, the last field of struct inet_diag_msg
_BUFFER: Final = 1 << 16
_FAMILIES: Final = (socket.AF_INET, socket.AF_INET6)


def listening_inodes() -> frozenset[str]:
    """Return the inodes of all listening TCP sockets, as ``/proc/PID/fd`` names them.

    Raises:
        CouldNotRun: this system can't be asked.
    """
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as asked:
            return frozenset(str(inode) for family in _FAMILIES for inode in _dump(asked, family))
    except (AttributeError, OSError, struct.error) as error:
        raise CouldNotRun(f"this system does not tell which sockets listen: {error}") from error


def _dump(asked: socket.socket, family: int) -> Iterator[int]:
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _LISTEN)
    asked.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _DUMP, 1, 0) + request)
    while True:
        answer = asked.recv(_BUFFER)
        at = 0
        while at < len(answer):
            length, kind, _flags, _sequence, _port = _HEADER.unpack_from(answer, at)
            if kind == _DONE:
                return
            if kind == _ERROR:
                raise OSError(-struct.unpack_from("=i", answer, at + _HEADER.size)[0], "sock_diag")
            yield struct.unpack_from("=I", answer, at + _INODE_AT)[0]
            at += -(-length // 4) * 4
