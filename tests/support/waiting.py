"""Waiting for what another process does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LIMIT = 30


async def until(holds: Callable[[], bool]) -> None:
    """Look again and again: nobody tells."""
    async with asyncio.timeout(LIMIT):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
