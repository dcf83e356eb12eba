"""The load client's process: ``python -m arqonbus.bench.worker PLAN``, a plan as JSON.

The outcome goes to standard output as JSON, progress to standard error.
"""

from __future__ import annotations

import asyncio
import gc
import sys

import msgspec

from arqonbus.bench.errors import BenchError
from arqonbus.bench.plan import Plan
from arqonbus.bench.scenarios import perform
from arqonbus.bench.system import raise_file_limit

_SPARE_FILES = 200


def main(arguments: list[str]) -> int:
    """Run one plan; 1 with the reason on standard error's last line if it failed."""
    plan = msgspec.json.decode(arguments[0], type=Plan)
    try:
        raise_file_limit(plan.subscribers + plan.publishers + _SPARE_FILES)
        # A collection in the middle of a measurement would be measured as latency.
        gc.freeze()
        gc.disable()
        with asyncio.Runner(loop_factory=_loop) as runner:
            outcome = runner.run(perform(plan))
    except (BenchError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(outcome))
    return 0


def _loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415 - not made for Windows

    return uvloop.new_event_loop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
