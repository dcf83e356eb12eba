"""How to publish to each server's durable stream, and what its receipts say.

Bytes in, bytes out: each is spoken as that server's own clients do, ArqonBus over WebSocket, NATS
and Valkey on the bare connection. Nothing answers pings: a run is over before one is missed.
"""

from __future__ import annotations

import re
import secrets
from typing import Protocol

import msgspec

from arqonbus.bench.dialects import DIGITS, ArqonDialect
from arqonbus.bench.errors import BenchError
from arqonbus.bench.frames import Splitter
from arqonbus.bench.plan import Plan
from arqonbus.bench.sockets import upgrade

Receipt = tuple[int, int]
_CLOSE = 0x8


class DurableDialect(Protocol):
    """One connection's language. All connections publish to one stream.

    Attributes:
        stored: how many messages the stream holds, as the last answer to `count` told it.
    """

    stored: int | None

    def opening(self) -> bytes:
        """What a new connection says first."""
        ...

    def is_open(self, data: bytes) -> bool:
        """Whether the server has said by now that messages may come."""
        ...

    def publish(self, first: int, count: int) -> bytes:
        """Messages with running numbers from `first` on."""
        ...

    def count(self) -> bytes:
        """Ask how many messages the stream holds."""
        ...

    def receipts(self, data: bytes) -> list[Receipt]:
        """Running number and position of each message that was stored; a refusal raises
        BenchError.
        """
        ...


class _Ack(msgspec.Struct):
    seq: int
    request_id: str
    durability: str


class ArqonDurable:
    """Protocol 1.0 with receipts."""

    def __init__(self, plan: Plan) -> None:
        plan = msgspec.structs.replace(plan, qos=1)
        self._arqon = ArqonDialect(plan)
        self._port = plan.port
        self._binary = plan.codec == "msgpack"
        self._decode = (
            msgspec.msgpack.Decoder(_Ack) if self._binary else msgspec.json.Decoder(_Ack)
        ).decode
        self._splitter = Splitter()
        self._head: bytes | None = b""
        self.stored: int | None = None

    def opening(self) -> bytes:
        """See `DurableDialect.opening`."""
        return upgrade(self._port, self._arqon.subprotocol)

    def is_open(self, data: bytes) -> bool:
        """See `DurableDialect.is_open`: a welcome comes unasked."""
        if self._head is None:
            return bool(list(self._splitter.feed(data)))
        head, found, rest = (self._head + data).partition(b"\r\n\r\n")
        if not found:
            self._head = head
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            raise BenchError(f"handshake refused: {head[:300]!r}")
        self._head = None
        return self.is_open(rest)

    def publish(self, first: int, count: int) -> bytes:
        """See `DurableDialect.publish`."""
        return self._arqon.publish(first, count)

    def count(self) -> bytes:
        """See `DurableDialect.count`."""
        return self._arqon.position()

    def receipts(self, data: bytes) -> list[Receipt]:
        """See `DurableDialect.receipts`."""
        found = []
        for opcode, payload in self._splitter.feed(data):
            if opcode >= _CLOSE:
                if opcode == _CLOSE:
                    raise BenchError(f"the server closed a connection: {payload[:100]!r}")
            elif self._arqon.is_receipt(payload):
                ack = self._decode(payload)
                if ack.durability not in ("disk", "replicated"):
                    raise BenchError(f"a receipt says {ack.durability}")
                found.append((int(ack.request_id[-DIGITS:]), ack.seq))
            elif self._arqon.is_ready(payload):
                self.stored = self._arqon.stored
            else:
                raise BenchError(f"not a receipt: {payload[:300]!r}")
        return found


class _State(msgspec.Struct):
    messages: int = 0


class _Reply(msgspec.Struct):
    """What JetStream answers to a publish, or to a question about a stream."""

    seq: int = 0
    duplicate: bool = False
    error: dict[str, object] | None = None
    state: _State | None = None


class JetStreamDurable:
    """NATS JetStream: each publish names a subject to which its acknowledgement goes."""

    def __init__(self, plan: Plan) -> None:
        # Two connections with the same inbox would get each other's acknowledgements.
        self._inbox = f"_INBOX.{secrets.token_hex(8)}.".encode()
        self._filler = b"x" * (plan.payload - DIGITS)
        self._size = plan.payload
        self._decode = msgspec.json.Decoder(_Reply).decode
        self._rest = b""
        self.stored: int | None = None

    def opening(self) -> bytes:
        """See `DurableDialect.opening`: making a stream that is there already does no harm."""
        config = b'{"name":"BENCH","subjects":["bench.load"],"storage":"file"}'
        return (
            b'CONNECT {"verbose":false,"pedantic":false}\r\n'
            b"SUB %b* 1\r\n"
            b"PUB $JS.API.STREAM.CREATE.BENCH %bcreate %d\r\n%b\r\n"
        ) % (self._inbox, self._inbox, len(config), config)

    def is_open(self, data: bytes) -> bool:
        """See `DurableDialect.is_open`."""
        return any(subject == b"create" for subject, _ in self._replies(data))

    def publish(self, first: int, count: int) -> bytes:
        """See `DurableDialect.publish`."""
        head, size, filler = b"PUB bench.load " + self._inbox, self._size, self._filler
        return b"".join(
            b"%b%012d %d\r\n%012d%b\r\n" % (head, n, size, n, filler)
            for n in range(first, first + count)
        )

    def count(self) -> bytes:
        """See `DurableDialect.count`."""
        return b"PUB $JS.API.STREAM.INFO.BENCH %binfo 0\r\n\r\n" % self._inbox

    def receipts(self, data: bytes) -> list[Receipt]:
        """See `DurableDialect.receipts`."""
        found = []
        for subject, reply in self._replies(data):
            if reply.state is not None:
                self.stored = reply.state.messages
            elif reply.seq and not reply.duplicate:
                found.append((int(subject), reply.seq))
            else:
                raise BenchError(f"not an acknowledgement: {reply}")
        return found

    def _replies(self, data: bytes) -> list[tuple[bytes, _Reply]]:
        """The last part of the subject, and the body, of each message that is whole by now."""
        data = self._rest + data
        found = []
        at = 0
        while (line := data.find(b"\r\n", at)) >= 0:
            words = data[at:line].split(b" ")
            end = line + 2
            if words[0] == b"MSG":
                end += int(words[-1]) + 2
                if end > len(data):
                    break
                found.append((words[1][len(self._inbox) :], self._taken(data[line + 2 : end - 2])))
            elif words[0] not in (b"INFO", b"PING", b"PONG", b"+OK"):
                raise BenchError(f"refused: {data[at : at + 300]!r}")
            at = end
        self._rest = data[at:]
        return found

    def _taken(self, body: bytes) -> _Reply:
        reply = self._decode(body)
        if reply.error is not None:
            raise BenchError(f"refused: {reply.error}")
        return reply


class ValkeyDurable:
    """Valkey's streams (RESP): replies come in the order of the commands.

    An id of ``0-*`` makes the server count the entries of its stream without holes.
    """

    def __init__(self, plan: Plan) -> None:
        size = plan.payload
        self._head = (
            b"*5\r\n$4\r\nXADD\r\n$10\r\nbench:load\r\n$3\r\n0-*\r\n$1\r\np\r\n$%d\r\n" % size
        )
        self._tail = b"x" * (size - DIGITS) + b"\r\n"
        self._rest = b""
        self._answered = 0
        self.stored: int | None = None

    def opening(self) -> bytes:
        """See `DurableDialect.opening`."""
        return b"PING\r\n"

    def is_open(self, data: bytes) -> bool:
        """See `DurableDialect.is_open`."""
        self._rest += data
        opened = self._rest.startswith(b"+PONG\r\n")
        if not opened and not b"+PONG\r\n".startswith(self._rest):
            raise BenchError(f"refused: {self._rest[:300]!r}")
        self._rest = b"" if opened else self._rest
        return opened

    def publish(self, first: int, count: int) -> bytes:
        """See `DurableDialect.publish`."""
        head, tail = self._head, self._tail
        return b"".join(b"%b%012d%b" % (head, n, tail) for n in range(first, first + count))

    def count(self) -> bytes:
        """See `DurableDialect.count`."""
        return b"*2\r\n$4\r\nXLEN\r\n$10\r\nbench:load\r\n"

    def receipts(self, data: bytes) -> list[Receipt]:
        """See `DurableDialect.receipts`."""
        lines = (self._rest + data).split(b"\r\n")
        self._rest = lines.pop()
        found = []
        for line in lines:
            if line.startswith(b"0-"):
                found.append((self._answered, int(line[2:])))
                self._answered += 1
            elif line.startswith(b":"):
                self.stored = int(line[1:])
            elif not re.fullmatch(rb"\$\d+", line):
                raise BenchError(f"refused: {line[:300]!r}")
        return found


def durable_dialect(plan: Plan) -> DurableDialect:
    """A dialect of its own for one connection."""
    if plan.server == "nats":
        return JetStreamDurable(plan)
    return ValkeyDurable(plan) if plan.server == "valkey" else ArqonDurable(plan)
