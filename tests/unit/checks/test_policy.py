from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from checks_support import SHA

from checks.policy import CRITERIA, FINDINGS, load_policy
from checks.policyfile import PolicyError
from checks.waivers import load_waivers

if TYPE_CHECKING:
    from pathlib import Path

GATES = {"demo": ("demo.rule",)}
CONTROL = {
    "id": '"DEMO-1"',
    "title": '"t"',
    "objective": '"o"',
    "rationale": '"r"',
    "severity": '"high"',
    "owner": '"w"',
    "finding": str(list(FINDINGS)),
    "exit_criterion": str(list(CRITERIA)),
    "gates": '["demo"]',
    "rules": '["demo.rule"]',
    "remediation": '"m"',
}
URI = 'uri = "urn:x"'
FRAMEWORKS = '[ssdf]\nname = "SSDF"\nversion = "1"\n[ssdf.items]\n"PW.7.2" = "review"\n'
WAIVER = {
    "rule": '"demo.rule"',
    "fingerprint": f'"{SHA}"',
    "owner": '"ada"',
    "approver": '"grace"',
    "reason": '"r"',
    "compensating_control": '"c"',
    "created": "2026-11-01",
    "expires": "2026-12-01",
}


def write(folder: Path, name: str, table: str, entry: dict[str, str], *, uri: str = URI) -> Path:
    lines = "\n".join(f"{key} = {value}" for key, value in entry.items())
    (folder / name).write_text(f"schema = 1\n{uri}\n[[{table}]]\n{lines}\n")
    (folder / "frameworks.toml").write_text(FRAMEWORKS)
    return folder


def test_a_whole_policy_is_read(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, "release.toml", "control", CONTROL), GATES)
    assert policy.controls_of("demo.rule")[0].id == "DEMO-1"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"finding": str(list(FINDINGS[1:]))}, "no control closes the finding critical-1"),
        ({"exit_criterion": "[1, 2, 3, 4, 5]"}, "no control meets the exit criterion 6"),
        ({"finding": str([*FINDINGS, "low-9"])}, "there is no finding low-9"),
        ({"exit_criterion": "[1, 2, 3, 4, 5, 6, 7]"}, "there is no exit criterion 7"),
        ({"exit_criterion": '["1"]'}, "exit_criterion must be a list of int"),
        ({"gates": '["demo", "dmeo"]'}, "no gate is named dmeo"),
        ({"rules": '["demo.rule", "demo.rle"]'}, "none of its gates has the rule demo.rle"),
        ({"rules": "[]"}, "the rule demo.rule belongs to no control"),
        ({"severity": '"huge"'}, "severity is one of"),
        ({"owner": '""'}, "owner is missing"),
        ({"ownr": '"w"'}, "unknown key ownr"),
        ({"maps": '{ ssdf = ["PW.7.3"] }'}, "ssdf has no item PW.7.3"),
        ({"maps": '{ asvs = ["1.1"] }'}, "there is no framework asvs"),
        ({"maps": '{ ssdf = "PW.7.2" }'}, "maps has a list of items"),
    ],
)
def test_a_policy_that_is_wrong_is_refused(
    tmp_path: Path, change: dict[str, str], complaint: str
) -> None:
    write(tmp_path, "release.toml", "control", {**CONTROL, **change})
    with pytest.raises(PolicyError, match=complaint):
        load_policy(tmp_path, GATES)


def test_an_exemption_from_specimens_needs_a_rule_and_a_reason(tmp_path: Path) -> None:
    none = 'without_specimens = {"demo.x" = "why"}'
    write(tmp_path, "release.toml", "control", CONTROL, uri=f"{URI}\n{none}")
    with pytest.raises(PolicyError, match=r"no gate has the rule demo\.x"):
        load_policy(tmp_path, GATES)
    none = 'without_specimens = {"demo.rule" = ""}'
    write(tmp_path, "release.toml", "control", CONTROL, uri=f"{URI}\n{none}")
    with pytest.raises(PolicyError, match="maps a rule to the reason"):
        load_policy(tmp_path, GATES)


def test_a_missing_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"release\.toml can't be read"):
        load_policy(tmp_path, GATES)
    with pytest.raises(PolicyError, match=r"waivers\.toml can't be read"):
        load_waivers(tmp_path / "waivers.toml", {"demo.rule"})


def test_a_whole_waiver_is_read(tmp_path: Path) -> None:
    (waiver,) = load_waivers(
        write(tmp_path, "waivers.toml", "waiver", WAIVER, uri="") / "waivers.toml", {"demo.rule"}
    )
    assert waiver.fingerprint == SHA


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"approver": '"Ada "'}, "approver must be another"),
        ({"fingerprint": '"abc"'}, "fingerprint is a SHA-256"),
        ({"rule": '"demo.gone"'}, r"no gate has the rule demo\.gone"),
        ({"expires": "2026-10-01"}, "expires before it was created"),
        ({"expires": '"2026-12-01"'}, "expires must be a date"),
        ({"reason": '" "'}, "reason is missing"),
        ({"forever": "true"}, "unknown key forever"),
    ],
)
def test_a_waiver_that_is_wrong_is_refused(
    tmp_path: Path, change: dict[str, str], complaint: str
) -> None:
    write(tmp_path, "waivers.toml", "waiver", {**WAIVER, **change})
    with pytest.raises(PolicyError, match=complaint):
        load_waivers(tmp_path / "waivers.toml", {"demo.rule"})
