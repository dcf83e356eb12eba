"""The bus, as a program, with a clock that is off by what a file says (microseconds)."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from arqonbus.app import server
from arqonbus.app.build import build
from arqonbus.bus.clock import wall_clock
from arqonbus.cli.main import main


def clock() -> int:
    return wall_clock() + int(OFFSET.read_text())


if __name__ == "__main__":
    OFFSET = Path(os.environ["CLOCK_OFFSET"])
    server.build = functools.partial(build, clock=clock)  # type: ignore[attr-defined] # the one seam of a program
    main()
