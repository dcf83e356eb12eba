"""Join a channel, publish, and print every envelope that came back, as a JSON list.

Run as ``python -I round_trip.py URL SECONDS`` in the clean environment. It judges nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp

JOIN = {
    "type": "command",
    "command": "join_channel",
    "args": {"room": "probe", "channel": "main"},
    "id": "j1",
}
PUBLISH = {
    "type": "message",
    "room": "probe",
    "channel": "main",
    "id": "m1",
    "payload": {"hello": 1},
}


async def _talk(url: str, received: list[dict[str, object]]) -> None:
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.ws_connect(url, protocols=("arqonbus.v1.json",)) as socket,
    ):
        await _until(socket, received, {"welcome"})
        await socket.send_json(JOIN)
        await _until(socket, received, {"response"})
        await socket.send_json(PUBLISH)
        await _until(socket, received, {"ack", "message"})


async def _until(
    socket: aiohttp.ClientWebSocketResponse, received: list[dict[str, object]], types: set[str]
) -> None:
    """Receive until one of each type came; an error or the end of the connection ends it too."""
    missing = set(types)
    while missing:
        envelope = await socket.receive_json()
        received.append(envelope)
        missing.discard(str(envelope.get("type")))
        if envelope.get("type") == "error":
            raise ConnectionError(envelope.get("error"))


def main(url: str, limit: float) -> int:
    """Print what was received; 1 when the exchange did not come to its end."""
    received: list[dict[str, object]] = []
    code = 0
    try:
        asyncio.run(asyncio.wait_for(_talk(url, received), limit))
    except (OSError, TypeError, ValueError, aiohttp.ClientError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        code = 1
    json.dump(received, sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
