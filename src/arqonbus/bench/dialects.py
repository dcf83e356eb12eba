"""How to speak to each server: joining, publishing, and finding a delivery's running number.

A payload is `size` characters that begin with a running number of `DIGITS` digits.
"""

from __future__ import annotations

import secrets
from typing import Protocol

import msgspec

from arqonbus.bench.errors import BenchError
from arqonbus.bench.frames import client_frame
from arqonbus.bench.plan import Plan
from arqonbus.protocol import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK

DIGITS = 12
_NO_SEVEN = {ord("7"): "x"}
# As large as NATS clients buffer before they write.
_NATS_BATCH = 32 * 1024


class Dialect(Protocol):
    """One server's language; requests are whole WebSocket frames.

    Attributes:
        subprotocol: what the handshake offers, or None.
        shares_bytes: whether every subscriber is sent exactly the same bytes, frames included.
        message_bytes: a delivery's size without its frame, where that is the same for all.
        stored: the position a channel has reached, as the last answer to `position` told it.
    """

    subprotocol: str | None
    shares_bytes: bool
    message_bytes: int
    stored: int | None

    def hello(self) -> bytes:
        """What a new connection says first."""
        ...

    def subscribe(self) -> bytes:
        """Ask for the channel's messages."""
        ...

    def is_ready(self, payload: bytes) -> bool:
        """Whether this frame says that `hello` and `subscribe` are in force."""
        ...

    def publish(self, first: int, count: int) -> bytes:
        """Messages with running numbers from `first` on."""
        ...

    def barrier(self) -> bytes:
        """A request that is answered once everything before it was taken."""
        ...

    def position(self) -> bytes | None:
        """Ask how many messages the channel took; None if the server can't say."""
        ...

    def chores(self, payload: bytes) -> tuple[bytes, bytes]:
        """A frame without what keeps the connection alive, and the answer to that."""
        ...

    def numbers(self, payload: bytes) -> list[int]:
        """The running numbers of the deliveries in one frame."""
        ...

    def answers(self, payload: bytes) -> tuple[int, int]:
        """Receipts and answered barriers in one frame; refusals raise BenchError."""
        ...


class ArqonDialect:
    """Protocol 1.0."""

    shares_bytes = True
    message_bytes = 0

    def __init__(self, plan: Plan) -> None:
        self.stored: int | None = None
        self._binary = plan.codec == "msgpack"
        self.subprotocol: str | None = SUBPROTOCOL_MSGPACK if self._binary else SUBPROTOCOL_JSON
        self._encode = msgspec.msgpack.encode if self._binary else msgspec.json.encode
        self._decode = msgspec.msgpack.decode if self._binary else msgspec.json.decode
        self._size = plan.payload
        self._filler = b"x" * (plan.payload - DIGITS)
        # The payload is the last field: a closing quote and brace follow it in JSON.
        self._from_end = plan.payload + (0 if self._binary else 2)
        self._qos = plan.qos
        self._before, self._between, self._after = self._template()
        self._ack = self._sample_type("ack")
        self._message = self._sample_type("message")

    def _frame(self, fields: dict[str, object]) -> bytes:
        return client_frame(self._encode(fields), binary=self._binary)

    def _sample_type(self, kind: str) -> bytes:
        encoded = self._encode({"type": kind})
        return encoded[1:] if self._binary else encoded[1:-1]

    def _template(self) -> tuple[bytes, bytes, bytes]:
        """A publish cut at its running number, and with receipts at its id as well."""
        mark = "7" * DIGITS
        # Two publishers with the same ids would be taken for one that repeats itself.
        own = f"g{secrets.token_hex(4).translate(_NO_SEVEN)}"
        fields: dict[str, object] = {"type": "message", "room": "bench", "channel": "load"}
        fields["qos"] = self._qos
        if self._qos:
            fields["id"] = f"{own}-{mark}"
        fields["payload"] = mark + self._filler.decode()
        parts = self._encode(fields).split(mark.encode())
        return parts[0], parts[1] if self._qos else b"", parts[-1]

    def hello(self) -> bytes:
        """See `Dialect.hello`: a welcome comes unasked."""
        return b""

    def subscribe(self) -> bytes:
        """See `Dialect.subscribe`."""
        args = {"room": "bench", "channel": "load"}
        return self._frame({"type": "command", "id": "j", "command": "join_channel", "args": args})

    def is_ready(self, payload: bytes) -> bool:
        """See `Dialect.is_ready`."""
        frame = self._decode(payload)
        if frame["type"] == "error":
            raise BenchError(f"refused: {frame['error_code']}: {frame['error']}")
        if frame["type"] == "response":
            self.stored = frame["payload"].get("seq", self.stored)
            return True
        return False

    def publish(self, first: int, count: int) -> bytes:
        """See `Dialect.publish`."""
        before, after, binary = self._before, self._after, self._binary
        if self._qos:
            between = self._between
            return b"".join(
                client_frame(b"%b%012d%b%012d%b" % (before, n, between, n, after), binary=binary)
                for n in range(first, first + count)
            )
        return b"".join(
            client_frame(b"%b%012d%b" % (before, n, after), binary=binary)
            for n in range(first, first + count)
        )

    def barrier(self) -> bytes:
        """See `Dialect.barrier`: frames of a session are taken strictly in order."""
        return self._frame({"type": "command", "id": "b", "command": "ping", "args": {}})

    def position(self) -> bytes:
        """See `Dialect.position`."""
        args = {"room": "bench", "channel": "load"}
        return self._frame({"type": "command", "id": "p", "command": "channel_info", "args": args})

    def chores(self, payload: bytes) -> tuple[bytes, bytes]:
        """See `Dialect.chores`: WebSocket's own pings do it."""
        return payload, b""

    def numbers(self, payload: bytes) -> list[int]:
        """See `Dialect.numbers`."""
        if self._message not in payload[:64]:
            raise BenchError(f"not a message: {payload[:300]!r}")
        start = len(payload) - self._from_end
        return [int(payload[start : start + DIGITS])]

    def is_receipt(self, payload: bytes) -> bool:
        """Whether this frame is the receipt of a publish."""
        return self._ack in payload[:64]

    def answers(self, payload: bytes) -> tuple[int, int]:
        """See `Dialect.answers`."""
        if self.is_receipt(payload):
            return 1, 0
        if self.is_ready(payload):
            return 0, 1
        raise BenchError(f"not a receipt: {payload[:300]!r}")


class NatsDialect:
    """The NATS client protocol inside binary WebSocket frames."""

    shares_bytes = False

    def __init__(self, plan: Plan) -> None:
        self.subprotocol: str | None = None
        self.stored: int | None = None
        self._filler = b"x" * (plan.payload - DIGITS)
        self._publish = b"PUB bench.load %d\r\n" % plan.payload
        self._head = b"MSG bench.load 1 %d\r\n" % plan.payload
        self._size = self.message_bytes = len(self._head) + plan.payload + 2
        self._batch = max(1, _NATS_BATCH // self._size)
        self._rest = b""

    def hello(self) -> bytes:
        """See `Dialect.hello`."""
        return client_frame(b'CONNECT {"verbose":false,"pedantic":false}\r\n', binary=True)

    def subscribe(self) -> bytes:
        """See `Dialect.subscribe`: the PONG says that SUB was taken."""
        return client_frame(b"SUB bench.load 1\r\nPING\r\n", binary=True)

    def is_ready(self, payload: bytes) -> bool:
        """See `Dialect.is_ready`."""
        if b"-ERR" in payload:
            raise BenchError(f"refused: {payload!r}")
        return b"PONG" in payload

    def publish(self, first: int, count: int) -> bytes:
        """See `Dialect.publish`."""
        texts = [
            b"%b%012d%b\r\n" % (self._publish, n, self._filler) for n in range(first, first + count)
        ]
        return b"".join(
            client_frame(b"".join(texts[at : at + self._batch]), binary=True)
            for at in range(0, count, self._batch)
        )

    def barrier(self) -> bytes:
        """See `Dialect.barrier`."""
        return client_frame(b"PING\r\n", binary=True)

    def position(self) -> bytes | None:
        """See `Dialect.position`: core NATS keeps no count of a subject."""
        return None

    def chores(self, payload: bytes) -> tuple[bytes, bytes]:
        """See `Dialect.chores`: the server's own PING, which no payload here can hold."""
        if b"PING\r\n" not in payload:
            return payload, b""
        return payload.replace(b"PING\r\n", b""), client_frame(b"PONG\r\n", binary=True)

    def numbers(self, payload: bytes) -> list[int]:
        """See `Dialect.numbers`; a delivery may be cut over two frames."""
        data = self._rest + payload
        found = []
        at, size, head = 0, self._size, len(self._head)
        while len(data) - at >= size:
            if not data.startswith(self._head, at):
                raise BenchError(f"not a message: {data[at : at + 200]!r}")
            found.append(int(data[at + head : at + head + DIGITS]))
            at += size
        self._rest = data[at:]
        return found

    def answers(self, payload: bytes) -> tuple[int, int]:
        """See `Dialect.answers`."""
        if b"-ERR" in payload:
            raise BenchError(f"refused: {payload!r}")
        return 0, payload.count(b"PONG\r\n")


def dialect_for(plan: Plan) -> Dialect:
    """A dialect of its own for one connection."""
    return NatsDialect(plan) if plan.server == "nats" else ArqonDialect(plan)
