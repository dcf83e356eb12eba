"""WebSocket frames as the load client makes and takes them (RFC 6455, section 5.2)."""

from __future__ import annotations

from collections.abc import Iterator

# One key of four equal bytes: masking is then one translate() in C, and still real masking.
_KEY = 0x5A
_MASK = bytes(value ^ _KEY for value in range(256))
_KEYS = bytes([_KEY]) * 4
_SHORT, _MEDIUM = 126, 127


def client_frame(payload: bytes, *, binary: bool) -> bytes:
    """One masked, unfragmented data frame."""
    return client_head(len(payload), binary=binary) + payload.translate(_MASK)


def client_head(size: int, *, binary: bool) -> bytes:
    """What stands before `size` masked bytes."""
    first = 0x82 if binary else 0x81
    if size < _SHORT:
        return b"%c%c%b" % (first, 0x80 | size, _KEYS)
    if size < 1 << 16:
        return b"%c\xfe%b%b" % (first, size.to_bytes(2, "big"), _KEYS)
    return b"%c\xff%b%b" % (first, size.to_bytes(8, "big"), _KEYS)


class Splitter:
    """Cuts a byte stream into frames' payloads; keeps what is not whole yet."""

    __slots__ = ("_rest", "controls")

    def __init__(self) -> None:
        self._rest = b""
        self.controls = 0

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._rest)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Opcode and payload of each whole frame."""
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        while end - at > 1:
            size = data[at + 1] & 0x7F
            head = 2
            if size == _SHORT:
                head, size = 4, int.from_bytes(data[at + 2 : at + 4], "big")
            elif size == _MEDIUM:
                head, size = 10, int.from_bytes(data[at + 2 : at + 10], "big")
            if end - at < head + size:
                break
            opcode = data[at] & 0x0F
            payload = data[at + head : at + head + size]
            at += head + size
            yield opcode, payload
        self._rest = data[at:]
