"""A bus with everything but sockets, on a real store and a real event loop."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from unit.arqonbus.gateway.fakes import FakeConnection, parsed, unframed

from arqonbus.app.build import App, build
from arqonbus.bus.clock import Clock, wall_clock
from arqonbus.config.model import Settings
from arqonbus.gateway.session import Session
from arqonbus.model.principal import ANONYMOUS, Principal
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.json_codec import JsonCodec

Frame = dict[str, Any]
_names = itertools.count(1)


class Hearing(FakeConnection):
    """Keeps frames as they come, and wakes who waits for one."""

    def __init__(self, *, binary: bool = False) -> None:
        super().__init__(binary=binary)
        self.heard: list[Frame] = []
        self.more = asyncio.Event()

    def deliver(self, channel: Any, chunk: bytes, first_seq: int, last_seq: int) -> None:
        super().deliver(channel, chunk, first_seq, last_seq)
        self._hear(chunk)

    def send(self, frames: bytes) -> bool:
        self._hear(frames)
        return super().send(frames)

    def _hear(self, frames: bytes) -> None:
        self.heard += [parsed(*one) for one in unframed(frames)]
        self.more.set()


class Client:
    """A session of the bus and what it was sent."""

    def __init__(
        self,
        app: App,
        principal: Principal = ANONYMOUS,
        codec: Codec | None = None,
        name: str | None = None,
    ) -> None:
        codec = codec or JsonCodec()
        self.connection = Hearing(binary=codec.binary)
        name = name or f"c_{next(_names)}"
        dispatcher = app.shared.dispatcher
        self.session = Session(name, principal, codec, self.connection, dispatcher)
        self.session.start()

    def of(self, kind: str) -> list[Frame]:
        return [frame for frame in self.connection.heard if frame["type"] == kind]

    async def ask(self, **frame: object) -> Frame:
        """A request's answer, be it a refusal."""
        request_id = f"q{next(_names)}"
        self.session.receive(json.dumps({"id": request_id, **frame}))
        wanted = str(frame.get("id", request_id))
        while True:
            for heard in self.connection.heard:
                if heard.get("request_id") == wanted:
                    return heard
            self.connection.more.clear()
            await self.connection.more.wait()

    async def call(self, command: str, **args: object) -> Frame:
        """A command's payload; it must succeed."""
        answer = await self.ask(type="command", command=command, args=args)
        assert answer["type"] == "response", answer
        payload = answer["payload"]
        assert isinstance(payload, dict)
        return payload

    def leave(self) -> None:
        self.session.ended()


@asynccontextmanager
async def living(settings: Mapping[str, object], clock: Clock = wall_clock) -> AsyncIterator[App]:
    """A life of a bus, from opening its store to closing it."""
    app = build(Settings.model_validate(settings), clock)
    await app.bus.load(await app.storage.open())
    await app.services.audit.start()
    await app.services.groups.start()
    await app.services.delayed.start()
    await app.services.revocations.start()
    try:
        yield app
    finally:
        await app.services.groups.stop()
        await app.services.delayed.stop()
        await app.services.revocations.stop()
        await app.services.audit.stop()
        await app.storage.close()
