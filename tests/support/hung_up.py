"""The bus, as a program, that gets SIGHUP before it serves."""

from __future__ import annotations

import os
import signal

from arqonbus.app import server
from arqonbus.app.build import App, build
from arqonbus.bus.clock import Clock, wall_clock
from arqonbus.cli.main import main
from arqonbus.config.model import Settings


def build_amid_a_hangup(settings: Settings, clock: Clock = wall_clock) -> App:
    os.kill(os.getpid(), signal.SIGHUP)
    return build(settings, clock)


if __name__ == "__main__":
    server.build = build_amid_a_hangup  # type: ignore[attr-defined] # the one seam of a program
    main()
