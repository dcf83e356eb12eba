"""A bus that is refused things and administered without end, to be killed: `python audited.py
SETTINGS`, as JSON. A number on standard output says that its record is stored.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

# Run as a program of its own, it finds the other tests' support as pytest does.
sys.path.insert(0, str(Path(__file__).parents[1]))

from arqonbus.config.model import LogSettings
from arqonbus.telemetry.logs import configure
from arqonbus.telemetry.security import EventKind, SecurityEvent
from support.whole_bus import living


async def main(settings: dict[str, object]) -> None:
    configure(LogSettings())
    async with living(settings) as app:
        number = 0
        while True:
            number += 1
            for n in range(20):
                tenant = f"t{n % 3}"
                refusal = SecurityEvent(EventKind.REFUSAL, "FORBIDDEN", tenant, str(n))
                app.shield.events.report(refusal)
            await app.services.audit.record_now(
                SecurityEvent(EventKind.ADMIN, "test", target=str(number))
            )
            print(number, flush=True)  # noqa: T201 - this is what the program is for


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
