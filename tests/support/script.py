"""A WebSocket server that a test plays by hand: what a bus would never send, or only seldom."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

LIMIT = 20
Frame = dict[str, Any]


class Scene:
    """One accepted connection."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        self.over = asyncio.Event()
        self._ids = itertools.count(1)

    async def send(self, kind: str, **fields: object) -> None:
        head = {"version": "1.0", "id": f"s{next(self._ids)}", "timestamp": "2026-01-01T00:00:00Z"}
        await self.socket.send(json.dumps({"type": kind, **head, **fields}))

    async def receive(self) -> Frame:
        frame = json.loads(await asyncio.wait_for(self.socket.recv(), LIMIT))
        assert isinstance(frame, dict)
        return frame

    async def welcome(self) -> None:
        await self.send("welcome", payload={"client_id": "c_1", "durability": "memory"})

    async def joined(self, epoch: str = "e1", seq: int = 0, **more: object) -> Frame:
        """Answer the next frame, which must be a join; its arguments."""
        join = await self.receive()
        assert join["command"] == "join_channel"
        payload = {"room": "r", "channel": "c", "epoch": epoch, "seq": seq, **more}
        await self.send("response", request_id=join["id"], status="success", payload=payload)
        args = join["args"]
        assert isinstance(args, dict)
        return args

    async def message(self, seq: int, epoch: str = "e1") -> None:
        await self.send(
            "message",
            room="r",
            channel="c",
            epoch=epoch,
            seq=seq,
            durability="memory",
            sender="c_2",
            payload=seq,
        )

    async def ack(self, frame: Frame, seq: int = 1) -> None:
        await self.send(
            "ack",
            request_id=frame["id"],
            room="r",
            channel="c",
            seq=seq,
            epoch="e1",
            durability="memory",
        )

    async def close(self, code: int) -> None:
        await self.socket.close(code)
        self.over.set()


class Stage:
    """Where connections turn up, one scene each, after the handshakes that are to be refused."""

    def __init__(self) -> None:
        self.url = ""
        self.refusals: list[Response] = []
        # What each handshake presented.
        self.tokens: list[str | None] = []
        self._scenes: asyncio.Queue[Scene] = asyncio.Queue()

    async def accept(self, socket: ServerConnection) -> None:
        scene = Scene(socket)
        await scene.welcome()
        self._scenes.put_nowait(scene)
        await socket.wait_closed()

    def judge(self, _socket: ServerConnection, request: Request) -> Response | None:
        self.tokens.append(request.headers.get("Authorization"))
        return self.refusals.pop(0) if self.refusals else None

    async def scene(self) -> Scene:
        """The next connection, welcomed."""
        return await asyncio.wait_for(self._scenes.get(), LIMIT)


def refusal(status: int, body: str = "", **headers: str) -> Response:
    """An answer to a handshake; an underscore in a header's name is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"Content-Length": str(len(body.encode()))}
    return Response(status, "No", Headers(named), body.encode())


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """A server on a free port that offers protocol 1.0 in JSON."""
    made = Stage()
    protocols = [Subprotocol("arqonbus.v1.json")]
    async with serve(
        made.accept, "127.0.0.1", 0, subprotocols=protocols, process_request=made.judge
    ) as server:
        made.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield made
