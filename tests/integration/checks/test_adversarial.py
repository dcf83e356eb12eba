"""The adversarial gate's specimens, played by toys."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
from checks_support import ROOT

from checks.adversarial.classes import ATTACKS, CLASSES
from checks.adversarial.policy import read_demands
from checks.adversarial.rules import CRASHED, HUNG
from checks.gates import adversarial
from checks.model import CouldNotRun
from checks.specimens import Specimen, discover

POLICIES = ROOT / "policies"
SPECIMENS = discover(POLICIES, "adversarial")
DEMANDS = read_demands(POLICIES, CLASSES)
QUICK = dataclasses.replace(DEMANDS, answer=2.0)
JSON = [one for one in ATTACKS if one[0] == "json"]
READY = (
    "import http.server, sys\n"
    "class Ready(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): self.send_response(200); self.end_headers()\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[5])), Ready).serve_forever()\n"
)


@pytest.mark.parametrize("specimen", [pytest.param(one, id=one.name) for one in SPECIMENS])
def test_specimens(specimen: Specimen) -> None:
    assert adversarial._outcome(specimen, Path(sys.executable), DEMANDS).ok


def test_a_command_that_only_ends_proves_nothing() -> None:
    with pytest.raises(CouldNotRun, match="did not start"):
        adversarial.attack([sys.executable, "-c", "raise SystemExit(3)"], DEMANDS, JSON)


def test_a_bus_that_takes_no_connection_is_seen() -> None:
    attempts, faults = adversarial.attack([sys.executable, "-c", READY], QUICK, JSON)
    assert attempts["json"] == 0
    assert {one.rule for one in faults} == {HUNG, "adversarial.not-run"}


def test_the_attempt_that_ended_it_is_named() -> None:
    toy = [sys.executable, "-m", adversarial._TOY, "dies"]
    command = ["env", f"PYTHONPATH={ROOT}", *toy]
    attempts, faults = adversarial.attack(command, DEMANDS, JSON)
    assert 0 < attempts["json"] < 200
    assert any(one.rule == CRASHED and "139" in one.what for one in faults)
