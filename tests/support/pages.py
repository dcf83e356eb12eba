"""The HTTP pages of a running bus."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

LIMIT = 30


async def page(base: str, path: str) -> tuple[int, dict[str, Any]]:  # Any: JSON values
    """A page's status and its JSON."""
    async with aiohttp.ClientSession() as session, session.get(base + path) as response:
        body = await response.json()
        assert isinstance(body, dict)
        return response.status, body


async def until_ready(base: str, *, ready: bool = True) -> dict[str, Any]:
    """Wait until `/ready` is green, or red; its JSON."""
    async with asyncio.timeout(LIMIT):
        while True:
            status, body = await page(base, "/ready")
            if (status == 200) == ready:
                return body
            await asyncio.sleep(0.05)


async def metric(base: str, name: str) -> float:
    """A metric without labels."""
    async with aiohttp.ClientSession() as session, session.get(f"{base}/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))
