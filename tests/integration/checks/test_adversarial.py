"""The adversarial gate's specimens, played by toys."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest
from checks_support import ROOT

from checks.adversarial.classes import ATTACKS, CLASSES
from checks.adversarial.policy import read_demands
from checks.adversarial.rules import ACCEPTED, CRASHED, HUNG, LEAKED_TENANT
from checks.gates import adversarial
from checks.model import CouldNotRun
from checks.specimens import discover

POLICIES = ROOT / "policies"
SPECIMENS = discover(POLICIES, "adversarial")
DEMANDS = read_demands(POLICIES, CLASSES)
QUICK = dataclasses.replace(DEMANDS, answer=2.0)
JSON = [one for one in ATTACKS if one[0] == "json"]
BREAKS = [
    pytest.param(
        "tokens",
        "open",
        "shield/tokens.py",
        ("leeway=self._auth.leeway", "leeway=10**9"),
        ACCEPTED,
        id="expired tokens are taken",
    ),
    pytest.param(
        "tenants",
        "open",
        "gateway/member.py",
        ("check_address(self.principal.tenant,", 'check_address("shared",'),
        LEAKED_TENANT,
        id="tenants share their rooms",
    ),
    pytest.param(
        "access",
        "closed",
        "shield/access/builtin.py",
        ("Decision(False, DEFAULT, _NO_FILE)", "Decision(True, DEFAULT, _NO_FILE)"),
        ACCEPTED,
        id="without a policy all is allowed",
    ),
    pytest.param(
        "json",
        "open",
        "protocol/json_codec.py",
        ("return bytes(raw)", "return bytes(raw)"),
        None,
        id="nothing",
    ),
]
READY = (
    "import http.server, sys\n"
    "class Ready(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self): self.send_response(200); self.end_headers()\n"
    "http.server.HTTPServer(('127.0.0.1', int(sys.argv[5])), Ready).serve_forever()\n"
)


@pytest.mark.parametrize(("name", "kind", "file", "change", "rule"), BREAKS)
def test_deliberate_breaks_of_the_bus(
    tmp_path: Path, name: str, kind: str, file: str, change: tuple[str, str], rule: str | None
) -> None:
    shutil.copytree(ROOT / "src", tmp_path, dirs_exist_ok=True)
    broken = tmp_path / "arqonbus" / file
    text = broken.read_text("utf-8")
    assert change[0] in text
    broken.write_text(text.replace(*change), "utf-8")
    command = ["env", f"PYTHONPATH={tmp_path}", sys.executable, "-m", "arqonbus"]
    chosen = [one for one in ATTACKS if one[:2] == (name, kind)]
    least = dataclasses.replace(DEMANDS, minimum=dict.fromkeys(CLASSES, 1))
    _, faults = adversarial.attack(command, least, chosen)
    assert {one.rule for one in faults} >= ({rule} if rule else set())
    assert rule or not faults


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
