"""A toy that answers one round trip as a bus does, or with the fault that a specimen asks for.

Run as ``python toy_bus.py FAULT serve --port P --http-port Q --data-dir D``; the clean-room gate
shows with it that its rules for a served bus bite. Faults: ``none``, ``exits``, ``never-ready``,
``memory-receipt``, ``no-delivery``, ``wrong-position``, ``refuses-join``, ``ignores-sigterm``,
``exits-1``, ``leaves-port``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from aiohttp import web


class Toy:
    """One toy with one fault."""

    def __init__(self, fault: str) -> None:
        self._fault = fault

    async def ready(self, _request: web.Request) -> web.Response:
        """Tell whether it can take traffic."""
        return web.Response(status=503 if self._fault == "never-ready" else 200)

    async def talk(self, request: web.Request) -> web.WebSocketResponse:
        """Answer the three steps of the probe."""
        socket = web.WebSocketResponse(protocols=("arqonbus.v1.json",))
        await socket.prepare(request)
        await socket.send_json({"type": "welcome"})
        async for frame in socket:
            for answer in self._answers(frame.json()):
                await socket.send_json(answer)
        return socket

    def _answers(self, asked: dict[str, object]) -> list[dict[str, object]]:
        if asked["type"] == "command":
            status = "error" if self._fault == "refuses-join" else "success"
            return [{"type": "response", "request_id": asked["id"], "status": status}]
        position = 7 if self._fault == "wrong-position" else 1
        durability = "memory" if self._fault == "memory-receipt" else "disk"
        receipt = {"request_id": asked["id"], "seq": position, "durability": durability}
        delivery = {"type": "message", "seq": position, "payload": asked["payload"]}
        answers: list[dict[str, object]] = [{"type": "ack", **receipt}]
        return answers if self._fault == "no-delivery" else [*answers, delivery]


async def _serve(fault: str, port: int, http_port: int) -> None:
    toy = Toy(fault)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    heed = asyncio.Event() if fault == "ignores-sigterm" else stop
    loop.add_signal_handler(signal.SIGTERM, heed.set)
    runners = [
        await _listen(web.get("/ready", toy.ready), http_port),
        await _listen(web.get("/", toy.talk), port),
    ]
    if fault == "leaves-port" and os.fork() == 0:
        signal.pause()  # a child keeps the listening sockets; the gate ends the whole group
    await stop.wait()
    for runner in runners:
        await runner.cleanup()


async def _listen(route: web.RouteDef, port: int) -> web.AppRunner:
    app = web.Application()
    app.add_routes([route])
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


def main(fault: str, arguments: list[str]) -> int:
    """Serve until SIGTERM."""
    if fault == "exits":
        return 1
    flags = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    asyncio.run(_serve(fault, int(flags["--port"]), int(flags["--http-port"])))
    return 1 if fault == "exits-1" else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
