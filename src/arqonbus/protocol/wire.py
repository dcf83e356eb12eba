"""The fast paths' bytes: WebSocket frames (RFC 6455, section 5.2) and hot envelopes in JSON.

A message's JSON is split in two: a *body* that is fixed when it is published (and is what the
store keeps), and a *head* of what the commit decides. One encoding serves every subscriber.
"""

from __future__ import annotations

from collections.abc import Sequence

_TEXT = 0x81
_BINARY = 0x82


def server_frame(payload: bytes, *, binary: bool = False) -> bytes:
    """One unmasked, unfragmented data frame with `payload`."""
    first = _BINARY if binary else _TEXT
    size = len(payload)
    if size < 126:
        return b"%c%c%b" % (first, size, payload)
    if size < 65536:
        return b"%c\x7e%c%c%b" % (first, size >> 8, size & 255, payload)
    return b"%c\x7f%b%b" % (first, size.to_bytes(8, "big"), payload)


def message_body(
    message_id: bytes, timestamp: bytes, sender: bytes, payload: bytes, metadata: bytes | None
) -> bytes:
    """The part of a message's JSON that is known when it is published.

    Id, timestamp and sender hold no character that JSON escapes; payload and metadata are JSON.
    """
    if metadata is None:
        return b'"id":"%b","timestamp":"%b","sender":"%b","payload":%b' % (
            message_id,
            timestamp,
            sender,
            payload,
        )
    return b'"id":"%b","timestamp":"%b","sender":"%b","metadata":%b,"payload":%b' % (
        message_id,
        timestamp,
        sender,
        metadata,
        payload,
    )


def body_id(body: bytes) -> str:
    """The message id inside a body."""
    return body[6 : body.index(b'"', 6)].decode()


def channel_head(room: str, channel: str, epoch: str, durability: str) -> bytes:
    """The part of a delivery's JSON that is the same for all messages of a stream."""
    return (
        f'{{"version":"1.0","type":"message","room":"{room}","channel":"{channel}",'
        f'"epoch":"{epoch}","durability":"{durability}","seq":'
    ).encode()


def message_json(head: bytes, seq: int, body: bytes) -> bytes:
    """One delivery's whole JSON text."""
    return b"%b%d,%b}" % (head, seq, body)


def message_frames(head: bytes, first_seq: int, bodies: Sequence[bytes]) -> bytes:
    """The text frames of consecutive messages, joined: what one write to one peer carries."""
    frames: list[bytes] = []
    append = frames.append
    seq = first_seq
    fixed = len(head) + 2
    digits = len(str(first_seq))
    next_power = 10**digits
    for body in bodies:
        if seq == next_power:
            digits += 1
            next_power *= 10
        size = fixed + digits + len(body)
        if 126 <= size < 65536:
            append(b"\x81\x7e%c%c%b%d,%b}" % (size >> 8, size & 255, head, seq, body))
        else:
            append(server_frame(b"%b%d,%b}" % (head, seq, body)))
        seq += 1
    return b"".join(frames)


def ack_head(room: str, channel: str, epoch: str, durability: str) -> bytes:
    """The part of a receipt's JSON that is the same for all messages of a stream."""
    return (
        f'{{"version":"1.0","type":"ack","room":"{room}","channel":"{channel}",'
        f'"epoch":"{epoch}","durability":"{durability}","seq":'
    ).encode()


def ack_json(head: bytes, seq: int, ack_id: bytes, timestamp: bytes, request_id: bytes) -> bytes:
    """One receipt's whole JSON text."""
    return b'%b%d,"id":"%b","timestamp":"%b","request_id":"%b"}' % (
        head,
        seq,
        ack_id,
        timestamp,
        request_id,
    )
