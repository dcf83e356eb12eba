"""The PROXY protocol, versions 1 and 2, as haproxy specifies it: who is behind the proxy.

The header is the first thing on the connection, before TLS. It is read to its last byte and not
beyond, because what follows belongs to somebody else.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from arqonbus.edge.networks import Address, address_of

_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_MAX_LINE: Final = 107  # specification, 2.1: the longest line with its CRLF
_MAX_BLOCK: Final = 2048  # of version 2: the addresses and what a proxy adds to them
_LOCAL, _PROXY = 0x20, 0x21
_LENGTHS: Final = {0x11: 4, 0x21: 16}  # TCP over IPv4 and IPv6: bytes of an address
_V1_PARTS: Final = 6
_MAX_PORT: Final = 65_535

Read = Callable[[int], Awaitable[bytes]]


class ProxyHeaderError(ValueError):
    """The connection doesn't begin as one of a proxy must."""


async def read_header(read: Read) -> Address | None:
    """The client's address; None when the proxy speaks for itself (a health check).

    Args:
        read: exactly so many of the next bytes.

    Raises:
        ProxyHeaderError: there is no such header, or one that says nothing usable.
    """
    begin = await read(len(_SIGNATURE))
    if begin == _SIGNATURE:
        return await _version_2(read)
    if begin.startswith(b"PROXY "):
        return await _version_1(begin, read)
    raise ProxyHeaderError("there is no PROXY header")


async def _version_1(line: bytes, read: Read) -> Address | None:
    while not line.endswith(b"\r\n"):
        if len(line) >= _MAX_LINE:
            raise ProxyHeaderError("the line is too long")
        # Two more bytes can't reach past the end, unless the first half of it is there already.
        line += await read(1 if line.endswith(b"\r") or len(line) + 1 == _MAX_LINE else 2)
    parts = line[:-2].decode("latin-1").split(" ")
    if parts[1] == "UNKNOWN":
        return None
    if len(parts) != _V1_PARTS or parts[1] not in {"TCP4", "TCP6"}:
        raise ProxyHeaderError("the line says nothing usable")
    _, family, source, destination, *ports = parts
    kind = ipaddress.IPv4Address if family == "TCP4" else ipaddress.IPv6Address
    try:
        kind(destination)
        client = kind(source)
    except ValueError:
        raise ProxyHeaderError("an address is none") from None
    if not all(port.isdecimal() and int(port) <= _MAX_PORT for port in ports):
        raise ProxyHeaderError("a port is none")
    return address_of(str(client))


async def _version_2(read: Read) -> Address | None:
    command, family, length = struct.unpack("!BBH", await read(4))
    if length > _MAX_BLOCK:
        raise ProxyHeaderError("the header is too long")
    block = await read(length)
    if command == _LOCAL:
        return None
    size = _LENGTHS.get(family)
    if command != _PROXY or size is None or length < 2 * size + 4:
        raise ProxyHeaderError("the header is of no kind that is served")
    return address_of(str(ipaddress.ip_address(block[:size])))
