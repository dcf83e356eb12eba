"""A plain client on the `websockets` library, which shares no code with the bus."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

LIMIT = 20
Frame = dict[str, Any]


class Peer:
    """Sends and expects envelopes as plain dicts."""

    def __init__(self, socket: ClientConnection, *, binary: bool) -> None:
        self.socket = socket
        self.welcome: Frame = {}
        self._binary = binary
        self._ids = itertools.count(1)

    async def send(self, **frame: object) -> None:
        data = msgspec.msgpack.encode(frame) if self._binary else json.dumps(frame)
        await self.socket.send(data)

    async def receive(self) -> Frame:
        # Not wait_for, which in Python 3.11 may overlook that the task is cancelled.
        async with asyncio.timeout(LIMIT):
            data = await self.socket.recv()
        frame = json.loads(data) if isinstance(data, str) else msgspec.msgpack.decode(data)
        assert isinstance(data, str) != self._binary
        assert isinstance(frame, dict)
        return frame

    async def until(self, kind: str) -> Frame:
        """The next frame of a type, passing over others."""
        while (frame := await self.receive())["type"] != kind:
            pass
        return frame

    async def call(self, command: str, **args: object) -> Frame:
        """A command's response or error, whole."""
        request_id = f"t{next(self._ids)}"
        await self.send(type="command", id=request_id, command=command, args=args)
        while True:
            frame = await self.receive()
            if frame.get("request_id") == request_id:
                return frame

    async def ok(self, command: str, **args: object) -> Frame:
        """A command's payload; it must succeed."""
        frame = await self.call(command, **args)
        assert frame["type"] == "response", frame
        payload = frame["payload"]
        assert isinstance(payload, dict)
        return payload

    async def publish(self, room: str, channel: str, payload: object, **more: object) -> Frame:
        """A publish's ack or error; deliveries in between are passed over."""
        message_id = str(more.pop("id", f"t{next(self._ids)}"))
        await self.send(
            type="message", id=message_id, room=room, channel=channel, payload=payload, **more
        )
        while True:
            frame = await self.receive()
            if frame.get("request_id") == message_id:
                return frame


@asynccontextmanager
async def peer(url: str, codec: str = "json", **options: Any) -> AsyncIterator[Peer]:
    """A connected peer that has been welcomed."""
    protocol = Subprotocol(f"arqonbus.v1.{codec}")
    options.setdefault("max_size", None)
    async with connect(url, subprotocols=[protocol], **options) as socket:
        assert socket.subprotocol == protocol
        connected = Peer(socket, binary=codec == "msgpack")
        connected.welcome = await connected.receive()
        assert connected.welcome["type"] == "welcome"
        yield connected
