"""The PROXY protocol: to the last byte, and no byte more."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.edge.proxy_protocol import ProxyHeaderError, read_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


class Wire:
    """Bytes that come in; `rest` is what was not read."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    async def read(self, size: int) -> bytes:
        if len(self.rest) < size:
            raise ProxyHeaderError("it ended")
        data, self.rest = self.rest[:size], self.rest[size:]
        return data


async def heard(header: bytes) -> str | None:
    wire = Wire(header + b"GET / after")
    address = await read_header(wire.read)
    assert wire.rest == b"GET / after"
    return None if address is None else str(address)


def version_2(command: int, family: int, block: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("PROXY TCP4 198.51.100.7 10.0.0.1 4711 443", "198.51.100.7"),
        ("PROXY TCP4 1.1.1.1 1.1.1.1 1 1", "1.1.1.1"),
        ("PROXY TCP6 2001:db8::1 2001:db8::2 4711 443", "2001:db8::1"),
        ("PROXY TCP6 ::ffff:198.51.100.7 ::1 1 2", "198.51.100.7"),
        ("PROXY UNKNOWN", None),
        ("PROXY UNKNOWN " + "f" * 91, None),
        (f"PROXY TCP6 {'f' * 4}{':ffff' * 7} {'f' * 4}{':ffff' * 7} 65535 65535",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ],
)  # fmt: skip
async def test_version_1(line: str, address: str | None) -> None:
    assert await heard(line.encode() + b"\r\n") == address


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (version_2(0x21, 0x11, bytes(range(12))), "0.1.2.3"),
        (version_2(0x21, 0x11, bytes(range(12)) + b"\x04\x00\x01x"), "0.1.2.3"),
        (version_2(0x21, 0x21, ipaddress.IPv6Address("2001:db8::1").packed * 2 + b"abcd"),
         "2001:db8::1"),
        (version_2(0x20, 0x00, b""), None),
        (version_2(0x20, 0x11, bytes(12)), None),
    ],
)  # fmt: skip
async def test_version_2(header: bytes, address: str | None) -> None:
    assert await heard(header) == address


@pytest.mark.parametrize(
    "header",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01" + b"\0" * 40,
        b"",
        b"PROXY",
        b"PROXY TCP4 198.51.100.7 10.0.0.1 4711\r\n",
        b"PROXY TCP4 2001:db8::1 10.0.0.1 4711 443\r\n",
        b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 443 5\r\n",
        b"PROXY TCP4 198.51.100.7 10.0.0.1 70000 443\r\n",
        b"PROXY TCP4 198.51.100.7 10.0.0.1 x 443\r\n",
        b"PROXY TCP5 198.51.100.7 10.0.0.1 1 443\r\n",
        b"PROXY tcp4 198.51.100.7 10.0.0.1 1 443\r\n",
        b"PROXY " + b"a" * 200,
        b"PROXY UNKNOWN " + b"f" * 92 + b"\r\n",
        b"proxy TCP4 198.51.100.7 10.0.0.1 4711 443\r\n",
        version_2(0x21, 0x11, bytes(11)),
        version_2(0x21, 0x31, bytes(216)),
        version_2(0x21, 0x12, bytes(12)),
        version_2(0x11, 0x11, bytes(12)),
        version_2(0x22, 0x11, bytes(12)),
        version_2(0x21, 0x11, bytes(2049)),
        SIGNATURE,
    ],
)
async def test_anything_else_is_refused(header: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        await read_header(Wire(header).read)


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda b: b"PROXY " + b),
                 st.binary(max_size=300).map(lambda b: SIGNATURE + b)))  # fmt: skip
async def test_any_bytes_are_an_address_or_a_refusal(data: bytes) -> None:
    try:
        await read_header(Wire(data).read)
    except ProxyHeaderError:
        return
