"""A toy that keeps its durability's promises as a bus does, but for the fault a specimen asks for.

Run as ``python -m checks.probes.toy_durable FAULT serve --port P --http-port Q --data-dir D`` with
the variables that tell a bus of its store; the gate `durability` shows with it that its rules bite.
It is one channel, slow, and only as true as the gate can see.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from checks.probes.toy_stores import Away, File, Memory, Server

if TYPE_CHECKING:
    from checks.probes.toy_stores import Entry


class Refused(Exception):  # noqa: N818 - what happened to a message
    """Why a message is not taken; the first argument is the error code."""


class Toy:
    """One toy with one fault."""

    def __init__(self, fault: str, folder: Path) -> None:
        self._fault = fault
        self._strict = os.environ.get("ARQONBUS_STORAGE_MODE", "strict") == "strict"
        self._backend = os.environ["ARQONBUS_STORAGE_BACKEND"]
        if self._backend == "redis":
            careless = fault == "unsafe-accepted"
            self._store: Memory = Server(os.environ["ARQONBUS_REDIS_URL"], careless=careless)
        elif self._backend == "sqlite":
            self._store = File(folder, shared=fault == "second-allowed")
        else:
            self._store = Memory()
        self._known: list[Entry] = []
        self._behind: list[Entry] = []
        self._epoch = uuid.uuid4().hex
        self._reason: str | None = None
        self._since: str | None = None
        self._peers: dict[web.WebSocketResponse, bool] = {}

    def open(self) -> None:
        """Look at the store; strict refuses one that is not as demanded."""
        try:
            self._store.check()
            if isinstance(self._store, Server) and self._fault != "second-allowed":
                self._store.own()
            self._known = list(self._store.all())
        except Away as away:
            if self._strict and self._fault != "starts-anyway":
                raise
            self._lower(str(away))
        if self._known:
            self._epoch = self._known[0]["epoch"]

    @property
    def level(self) -> str:
        """The level in force."""
        if self._backend == "memory" or self._reason is not None:
            return "memory"
        return "disk"

    def _lower(self, reason: str) -> None:
        if self._fault == "ends-with-store":
            os._exit(1)
        self._reason, self._since = reason, datetime.now(UTC).isoformat()
        if self._fault != "silent-log":
            sys.stderr.write(f"goes on with less: {reason}\n")
            sys.stderr.flush()

    async def watch(self) -> None:
        """Look at the store again and again."""
        while True:
            await asyncio.sleep(0.05)
            await self.look()

    async def look(self) -> None:
        """See whether the store came, went or lost its stream, and say so."""
        before = self._reason
        try:
            self._store.check()
            if before is None:
                await self._lost()
            elif self._fault != "never-recovers":
                self._write_back()
                self._reason = self._since = None
        except Away as away:
            if before is None:
                self._lower(str(away))
        if (before is None) != (self._reason is None) and self._fault != "silent-notice":
            await self._tell({"event": "durability", **self.report()})

    def _write_back(self) -> None:
        for entry in self._behind:
            if self._fault != "forgets-buffer":
                self._store.add(entry)
            self._known.append(entry)
        self._behind = []

    async def _lost(self) -> None:
        if self._fault == "loss-unseen" or len(self._store.all()) >= len(self._known):
            return
        self._known = []
        if self._fault != "same-epoch":
            self._epoch = uuid.uuid4().hex
        if self._fault != "silent-loss":
            await self._tell({"event": "stream", "epoch": self._epoch})

    async def _tell(self, payload: Entry) -> None:
        for peer in list(self._peers):
            await peer.send_json({"type": "notice", "payload": payload})

    def report(self) -> Entry:
        """The state, as /health shows it."""
        fine = self._reason is None or self._fault == "silent-health"
        return {
            "durability": "disk" if fine and self._backend != "memory" else "memory",
            "degraded": not (fine or self._strict),
            "available": fine or not self._strict,
            "problem": None if fine or not self._strict else self._reason,
            "reason": None if fine else self._reason,
            "since": None if self._fault == "silent-since" else self._since,
        }

    async def page(self, request: web.Request) -> web.Response:
        """The pages /ready, /health and /metrics."""
        if request.path == "/metrics":
            degraded = int(self._reason is not None and self._fault != "silent-metric")
            return web.Response(text=f"arqonbus_degraded {degraded}\n")
        if request.path == "/health":
            return web.json_response({"storage": self.report()})
        red = self._reason is not None and self._strict and self._fault != "always-ready"
        reasons = [] if self._fault == "no-reasons" else [self._reason]
        return web.json_response({"reasons": reasons}, status=503 if red else 200)

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one peer."""
        peer = web.WebSocketResponse(protocols=("arqonbus.v1.json",))
        await peer.prepare(request)
        level = "disk" if self._fault == "silent-welcome" else self.level
        payload = {"durability": level, "storage": self.report()}
        await peer.send_json({"type": "welcome", "payload": payload})
        self._peers[peer] = False
        async for frame in peer:
            asked = frame.json()
            try:
                if asked["type"] == "command":
                    answer = await self._command(peer, asked)
                else:
                    answer = await self._publish(asked)
            except Refused as error:
                answer = {"type": "error", "error_code": error.args[0], "error": error.args[1]}
            await peer.send_json({"request_id": asked["id"], **answer})
        del self._peers[peer]
        return peer

    async def _command(self, peer: web.WebSocketResponse, asked: Entry) -> Entry:
        name, args = asked["command"], asked["args"]
        payload: Entry = {"epoch": self._epoch}
        if name in {"join_channel", "leave_channel"}:
            self._peers[peer] = name == "join_channel"
        if "since" in args:
            await self._seen_lost()
            same = args["since"]["epoch"] == self._epoch
            payload["recovered"] = "complete" if same else "unknown"
        if name == "history":
            await self._seen_lost()
            entries = [*self._known, *self._behind][args["after"] :]
            if self._fault == "loss-unseen":
                entries = self._store.all()
            payload |= {"complete": "complete", "messages": entries, "next_after": None}
            payload["epoch"] = self._epoch
        return {"type": "response", "status": "success", "payload": payload}

    async def _seen_lost(self) -> None:
        if self._reason is None:
            with contextlib.suppress(Away):
                await self._lost()

    async def _publish(self, asked: Entry) -> Entry:
        level, position = self.level, len(self._known) + len(self._behind) + 1
        met = asked.get("require", "memory") in {"memory", level}
        if not met and self._fault != "require-ignored":
            raise Refused("DURABILITY_NOT_MET", f"{level} is all there is")
        entry = {**asked, "seq": position, "epoch": self._epoch}
        try:
            if self._fault == "gap" and position > 1:
                entry["seq"] = position + 1
            level = await self._keep(entry)
        except Refused:
            if self._fault == "delivers-refused":
                await self._deliver(entry)
            raise
        await self._deliver(entry)
        lying = self._fault == "disk-receipt"
        durability = "disk" if lying else "memory" if self._fault == "low-receipt" else level
        return {"type": "ack", "seq": entry["seq"], "epoch": self._epoch, "durability": durability}

    async def _keep(self, entry: Entry) -> str:
        """Store an entry, or hold it back where the operator chose so; the level reached."""
        if self._fault == "acks-first":
            asyncio.get_running_loop().call_later(0.5, self._store.add, entry)
            self._known.append(entry)
            return "disk"
        if self._reason is None:
            try:
                self._store.check()
                self._store.add(entry)
            except Away:
                await self.look()
            else:
                self._known.append(entry)
                return self.level
        if self._fault == "acks-dead":
            return "disk"
        if self._strict:
            code = "INTERNAL" if self._fault == "wrong-code" else "STORAGE_UNAVAILABLE"
            raise Refused(code, str(self._reason))
        if self._fault == "refuses-degraded":
            raise Refused("STORAGE_UNAVAILABLE", str(self._reason))
        self._behind.append(entry)
        return "memory"

    async def _deliver(self, entry: Entry) -> None:
        for peer, joined in list(self._peers.items()):
            if joined:
                await peer.send_json(entry)


async def _serve(toy: Toy, port: int, http_port: int) -> None:
    pages = [web.get(path, toy.page) for path in ("/ready", "/health", "/metrics")]
    for routes, at in (([web.get("/", toy.talk)], port), (pages, http_port)):
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", at).start()
    await toy.watch()


def main(fault: str, arguments: list[str]) -> int:
    """Serve until killed."""
    flags = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    try:
        toy = Toy(fault, Path(flags["--data-dir"]))
        toy.open()
    except (Away, BlockingIOError) as error:
        port = os.environ.get("ARQONBUS_REDIS_URL", "")
        sys.stderr.write("" if fault == "no-reason" else f"{port}: {error}\n")
        return 1 if fault == "wrong-exit" else 74
    asyncio.run(_serve(toy, int(flags["--port"]), int(flags["--http-port"])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
