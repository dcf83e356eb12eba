"""The durability gate's specimens, played by toys against a real Valkey server."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from checks_support import ROOT

from checks.durability.rules import DOWN
from checks.durability.scenarios import play
from checks.durability.stage import Limits
from checks.durability.valkey import Valkey, valkey_binary
from checks.model import CouldNotRun
from checks.specimens import discover

SPECIMENS = discover(ROOT / "policies", "durability")
QUICK = Limits(boot=10, answer=2, turn=1, load=5)


@pytest.fixture(scope="module")
def valkey() -> Path:
    return valkey_binary()[0]


def test_a_command_that_only_ends_is_seen(valkey: Path) -> None:
    (fault,) = play("memory", [sys.executable, "-c", "raise SystemExit(3)"], valkey, QUICK)
    assert fault.rule == DOWN


def test_a_bus_that_says_nothing_is_seen(valkey: Path) -> None:
    silent = (
        "import http.server, sys\n"
        "class Ready(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers()\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[5])), Ready).serve_forever()\n"
    )
    found = play("memory", [sys.executable, "-c", silent], valkey, QUICK)
    assert [one.rule for one in found] == [DOWN]
    assert "can't be connected to" in found[0].what


def test_a_server_that_refuses_its_settings_is_no_answer(valkey: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = Valkey(valkey, tmp_path / "v", stack, {"appendfsync": "sometimes"})
        with pytest.raises(CouldNotRun, match="did not start"):
            server.start()
