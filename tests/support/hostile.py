"""A bus that is fed whatever bytes, and what must hold after each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from unit.arqonbus.gateway.fakes import NOON, unframed

from arqonbus.app.build import App
from arqonbus.errors import ErrorCode
from arqonbus.model.principal import Principal
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from support.quiet import quiet
from support.whole_bus import Client, Frame, living

_SETTINGS = {
    "storage": {"backend": "memory"},
    "limits": {"violations_before_close": 10_000},
    "retention": {"max_messages": 100},
}
_CODES = frozenset(code.value for code in ErrorCode if code is not ErrorCode.INTERNAL)
# An argument of each name that a command takes; what is not here is 1.
_ARGUMENTS: Mapping[str, object] = {
    "room": "r",
    "channel": "c",
    "group": "g",
    "since": {"seq": 0, "epoch": "0123456789"},
    "discard_history": True,
    "epoch": "0123456789",
    "since_time": "2026-01-01T00:00:00Z",
    "until_time": "2027-01-01T00:00:00Z",
    "start": "beginning",
    "visibility_timeout": 30.0,
    "dead_letter": "d",
    "seqs": [1, 2],
    "delay": 0.5,
    "min_idle": 0.0,
    "id": "m1",
    "command": "ping",
    "token": "x.y.z",
    "subject": "alice",
    "tenant": "b",
    "reason": "lost",
}


class Attacked:
    """Tenant `a` sends, in both codecs, to a channel that others of it have joined in both; tenant
    `b` sits in a channel of the same name and must hear nothing.
    """

    def __init__(self) -> None:
        self._living = living(_SETTINGS, lambda: NOON)
        self._asked = 0
        self.app: App
        self.senders: dict[bool, Client] = {}
        self.others: list[Client] = []
        self.victims: list[Client] = []

    async def __aenter__(self) -> Self:
        self.app = await self._living.__aenter__()
        codecs: list[Codec] = [JsonCodec(), MsgpackCodec()]
        for codec in codecs:
            at = f"c_{codec.binary:d}"
            self.senders[codec.binary] = self._client("a", codec, f"{at}s")
            self.others.append(self._client("a", codec, f"{at}o"))
            self.victims.append(self._client("b", codec, f"{at}v"))
        for client in (*self.others, *self.victims):
            client.session.receive(_encoded(client, _call("join_channel", room="r", channel="c")))
        await self._settle()
        for client in self._everybody:
            client.connection.heard.clear()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._living.__aexit__(kind, value, traceback)

    def _client(self, tenant: str, codec: Codec, name: str) -> Client:
        return Client(self.app, Principal("alice", tenant), codec, name)

    @property
    def _everybody(self) -> list[Client]:
        return [*self.senders.values(), *self.others, *self.victims]

    async def take(self, data: bytes, *, binary: bool) -> list[Frame]:
        """Send one frame; what the sender got for it."""
        sender = self.senders[binary]
        if not binary:
            # What is no UTF-8 closes the connection before it becomes a frame.
            sender.session.receive(data.decode("utf-8", "replace"))
        else:
            sender.session.receive(data)
        await self._settle()
        return await self._judged(sender)

    async def _judged(self, sender: Client) -> list[Frame]:
        got = sender.connection.heard[:]
        for victim in self.victims:
            assert victim.connection.heard == [], victim.connection.heard
        ledger = self.app.bus.ledger()
        assert ledger["published"] == ledger["stored"] + ledger["refused"], ledger  # type: ignore[operator] # all are counts
        for client in self._everybody:
            for data in client.connection.writes:
                for opcode, payload in unframed(data):
                    _sound(opcode, payload)
            assert not client.connection.closed
            client.connection.writes.clear()
            client.connection.heard.clear()
        await self._usable(sender)
        return got

    async def _usable(self, sender: Client) -> None:
        self._asked += 1
        sender.session.receive(_encoded(sender, {**_call("ping"), "id": f"ping-{self._asked}"}))
        await self._settle()
        answers = [one.get("request_id") for one in sender.of("response")]
        assert f"ping-{self._asked}" in answers, sender.connection.heard
        sender.connection.heard.clear()
        sender.connection.writes.clear()

    async def _settle(self) -> None:
        await quiet(self.app, self._everybody, lambda: NOON)

    def valid(self) -> list[Frame]:
        """A frame of every type and of every command with all its arguments."""
        where = {"room": "r", "channel": "c"}
        every: list[Frame] = [
            {"type": "message", **where, "payload": {"n": [1, 2.5, None, True, "é"]}},
            {"type": "message", **where, "id": "m1", "payload": "x", "qos": 0, "version": "1.0"},
            {
                "type": "message",
                **where,
                "id": "m2",
                "payload": [],
                "metadata": {"trace": "1"},
                "timestamp": "2026-01-01T00:00:00Z",
                "require": "memory",
                "request_id": "q",
            },
            {"type": "message", **where, "payload": 1, "deliver_at": "2026-01-01T13:00:00Z"},
            {"type": "message", "to": "c_0o", "payload": 1, "metadata": {}},
            {"type": "response", "to": "c_1o", "request_id": "q", "payload": 1, "status": "error"},
            {"type": "telemetry"},
            {"type": "operator.join"},
        ]
        for command in self.app.shared.dispatcher._registry:
            names = command.args.__struct_fields__
            args = {name: _ARGUMENTS.get(name, 1) for name in names}
            every += [_call(command.name, **args), _call(command.name)]
        return every


def _call(name: str, **args: object) -> Frame:
    return {"type": "command", "command": name, "args": args}


def _encoded(client: Client, frame: Frame) -> str | bytes:
    return msgspec.msgpack.encode(frame) if client.connection.binary else json.dumps(frame)


def _sound(opcode: int, payload: bytes) -> None:
    """Strictly what the codec says: Python's own JSON would take NaN."""
    decode = msgspec.json.decode if opcode == 1 else msgspec.msgpack.decode
    frame: dict[str, Any] = decode(payload)
    assert frame["type"] != "error" or frame["error_code"] in _CODES, frame
