"""Addresses: who reaches them, and binding them before anything listens, so that a taken one is
found while nobody is served.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import sys


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``; a name is not looked up and not trusted."""
    if host.lower() == "localhost":  # RFC 6761, 6.3: always loopback
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def bind(host: str, port: int) -> list[socket.socket]:
    """Bound sockets that don't listen yet, one for each address of `host`.

    With port 0 the system chooses one, the same for all addresses.

    Raises:
        OSError: the name is unknown, or an address is taken or not this machine's.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as undo:
        sockets: list[socket.socket] = []
        for family, _, _, _, address in dict.fromkeys(found):
            one = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
            _prepare(one)
            one.bind((address[0], port, *address[2:]))
            port = port_of(one)
            sockets.append(one)
        undo.pop_all()
        return sockets


def _prepare(one: socket.socket) -> None:
    one.setblocking(False)
    if os.name == "posix" and sys.platform != "cygwin":
        # Past the TIME_WAIT of the connections of an earlier run; it shares with no other listener.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if one.family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def port_of(bound: socket.socket) -> int:
    """The port that a socket is bound to."""
    return int(bound.getsockname()[1])
