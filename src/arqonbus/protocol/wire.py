"""The fast paths' bytes: WebSocket frames (RFC 6455, section 5.2) and hot envelopes in JSON.

A message's JSON is split in two: a *body* that is fixed when it is published (and is what the
store keeps), and a *head* of what the commit decides. One encoding serves every subscriber.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_TEXT = 0x81
_BINARY = 0x82
# Between a body's signature and its payload, which ends it.
PAYLOAD_KEY = b',"payload":'


# What a body has none of: msgspec has no optional Raw. Compare by identity.
_NONE = msgspec.Raw()


class _Body(msgspec.Struct):
    payload: msgspec.Raw


class _WholeBody(_Body):
    timestamp: str
    id: str
    sender: str
    metadata: dict[str, msgspec.Raw] = {}
    inspection: msgspec.Raw = _NONE


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_whole = msgspec.json.Decoder(_WholeBody).decode


def server_frame(payload: bytes, *, binary: bool = False) -> bytes:
    """One unmasked, unfragmented data frame with `payload`."""
    return _frame_head(_BINARY if binary else _TEXT, len(payload)) + payload


def _frame_head(first: int, size: int) -> bytes:
    if size < 126:
        return b"%c%c" % (first, size)
    if size < 65536:
        return b"%c\x7e%c%c" % (first, size >> 8, size & 255)
    return b"%c\x7f%b" % (first, size.to_bytes(8, "big"))


def stamp(timestamp: bytes) -> bytes:
    """The beginning of a body: when the message was published."""
    return b'"timestamp":"%b","id":"' % timestamp


def signature(sender: bytes) -> bytes:
    """The part of a body that says who published it."""
    return b'","sender":"%b"' % sender


def with_metadata(signed: bytes, metadata: bytes) -> bytes:
    """A signature followed by a message's metadata, which is a JSON object."""
    return b'%b,"metadata":%b' % (signed, metadata)


def with_inspection(signed: bytes, receipt: bytes) -> bytes:
    """A signature followed by what was found when the message was inspected, a JSON object."""
    return b'%b,"inspection":%b' % (signed, receipt)


def body_sender(body: bytes) -> str:
    """Who published the message of this body."""
    # Timestamp, id and sender come first and hold no quotes of their own.
    start = body.index(b'"sender":"') + 10
    return body[start : body.index(b'"', start)].decode()


def body_payload(body: bytes) -> bytes:
    """The payload of the message of this body, byte for byte.

    Raises:
        msgspec.DecodeError: it is no body.
    """
    return bytes(_decode_body(b"{%b}" % body).payload)


def with_note(body: bytes, name: str, value: bytes) -> bytes:
    """The same message with a JSON value in its metadata."""
    found = _decode_whole(b"{%b}" % body)
    metadata = msgspec.json.encode(found.metadata | {name: msgspec.Raw(value)})
    signed = with_metadata(signature(found.sender.encode()), metadata)
    if found.inspection is not _NONE:
        signed = with_inspection(signed, bytes(found.inspection))
    start = stamp(found.timestamp.encode()) + found.id.encode()
    return b"".join((start, signed, PAYLOAD_KEY, found.payload))


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
    start, start_size = b"", -1
    fixed = len(head) + len(str(first_seq)) + 2
    next_power = 10 ** len(str(first_seq))
    for seq, body in enumerate(bodies, first_seq):
        if seq == next_power:
            fixed += 1
            next_power *= 10
        size = fixed + len(body)
        # Messages in a row are often of one size: then their frames begin with the same bytes.
        if size != start_size:
            start, start_size = _frame_head(_TEXT, size) + head, size
        frames.append(b"%b%d,%b}" % (start, seq, body))
    return b"".join(frames)


def task_json(head: bytes, seq: int, attempt: int, deadline: bytes, body: bytes) -> bytes:
    """A message as a task, whole; `head` is from `task_head`."""
    return b'%b%d,"attempt":%d,"deadline":"%b",%b}' % (head, seq, attempt, deadline, body)


def task_head(room: str, channel: str, epoch: str, durability: str, group: str) -> bytes:
    """The part of a task's JSON that is the same for all tasks of a group."""
    return (
        f'{{"version":"1.0","type":"task","room":"{room}","channel":"{channel}",'
        f'"group":"{group}","epoch":"{epoch}","durability":"{durability}","seq":'
    ).encode()


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


def later_json(address: tuple[str, str], durability: str, deliver_at: str, **ids: bytes) -> bytes:
    """The receipt of a message that is kept for later: it has no position yet."""
    room, channel = address
    head = (
        f'{{"version":"1.0","type":"ack","room":"{room}","channel":"{channel}",'
        f'"durability":"{durability}","deliver_at":"{deliver_at}"'
    )
    return head.encode() + b"".join(b',"%b":"%b"' % (n.encode(), v) for n, v in ids.items()) + b"}"
