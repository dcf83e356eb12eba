"""Somebody was turned away, and neither the log nor the audit log said for what reason."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from support.server import serving
from support.tokens import SECRET, signed
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


async def test_a_refused_handshake_left_out_what_was_wrong(tmp_path: Path) -> None:
    presented = [
        {"Authorization": f"Bearer {signed(exp=1)}"},
        {"Authorization": f"Bearer {signed('another-secret-of-thirty-two-bytes')}"},
        {},
        {"Origin": "https://elsewhere.example"},
    ]
    async with serving(tmp_path, auth_secret=SECRET, storage_backend="memory") as bus:
        for headers in presented:
            with pytest.raises(InvalidStatus):
                await connect(bus.url, additional_headers=headers, proxy=None)
        async with aiohttp.ClientSession() as session:
            await session.post(f"{bus.http}/v1/admin/reload", headers=presented[1])
        await bus.stop()
        about = [entry.get("target") for entry in bus.events("security event")]
    assert [target for target in about if target] == [
        "token: expired",
        "token: signature",
        "token: missing",
        "Origin",
        "token: signature",
    ]
