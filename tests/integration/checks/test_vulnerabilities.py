"""The gate with the real pip-audit, over snapshots that are made here."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from checks_support import make_context, make_project

from checks.gates.vulnerabilities import KNOWN, VulnerabilitiesGate
from checks.model import CouldNotRun, Mode, Status
from checks.runner import run_gate
from checks.verdict import caveats, verdict_line

if TYPE_CHECKING:
    from pathlib import Path

    from checks.context import Context
    from checks.model import GateResult

NEWEST = dt.datetime(2024, 10, 10, tzinfo=dt.UTC)
HASH = "--hash=sha256:" + "0" * 64


def record(name: str, version: str) -> str:
    return (
        f"id: PYSEC-2024-{name}\ndetails: bad\nmodified: '2024-10-10T00:00:00Z'\n"
        f"affected:\n- package: {{name: {name}, ecosystem: PyPI}}\n  versions: ['{version}']\n"
    )


def snapshot(folder: Path, *pins: tuple[str, str]) -> Path:
    path = folder / "snapshot.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, version in pins:
            text = record(name, version).encode()
            member = tarfile.TarInfo(f"db/vulns/{name}/one.yaml")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return path


@pytest.fixture
def context(tmp_path: Path) -> Context:
    project = make_project(tmp_path / "project")
    lock = project / "policies/lock/runtime.txt"
    lock.parent.mkdir(parents=True)
    # The second applies on no system: pip-audit alone would leave it out in silence.
    lock.write_text(f"alpha==1.0 {HASH}\nbeta==2.0 ; sys_platform == 'never' {HASH}\n")
    return make_context(project, tmp_path / "work")


def gate(days: float = 3) -> VulnerabilitiesGate:
    """The gate, so many days after the snapshots' newest record."""
    return VulnerabilitiesGate(lambda: NEWEST + dt.timedelta(days=days))


def judged(context: Context, snapshot: Path, days: float = 3) -> GateResult:
    given = dataclasses.replace(context, advisories=snapshot)
    return run_gate(gate(days), given, without_specimens=())


def test_a_clean_lock_passes_no_further_than_the_snapshot(context: Context, tmp_path: Path) -> None:
    result = judged(context, snapshot(tmp_path, ("pyyaml", "5.3")))
    output = result.output
    assert output is not None
    assert (result.status, output.findings) == (Status.PASSED, ())
    assert output.scopes[0].scanned == {"alpha", "beta"}
    said = (
        "vulnerabilities: no vulnerability known to this snapshot (commit unknown, newest record"
        " 2024-10-10, 1 records, 3 days old)"
    )
    assert caveats([result]) == (said,)
    assert said in verdict_line(result.status, Mode.DEGRADED, [result], (), ())
    assert "no record is about 2 of the locked distributions" in " ".join(output.notes)


def test_a_vulnerable_pin_is_found_though_its_marker_is_false(
    context: Context, tmp_path: Path
) -> None:
    # However old the snapshot is: what it knows is true.
    result = judged(context, snapshot(tmp_path, ("pyyaml", "5.3"), ("beta", "2.0")), days=999)
    assert result.output is not None
    (finding,) = result.output.findings
    assert (finding.rule, finding.context) == (KNOWN, "beta")
    assert "the vulnerabilities known to this snapshot" in result.output.caveats[0]


def test_a_snapshot_that_is_too_old_is_no_answer(context: Context, tmp_path: Path) -> None:
    result = judged(context, snapshot(tmp_path, ("pyyaml", "5.3")), days=31)
    assert result.status is Status.NOT_EVALUATED
    assert "31 days old" in result.reason
    assert "no snapshot older than 30 days" in result.reason


def test_a_clock_before_the_snapshot_is_no_clock(context: Context, tmp_path: Path) -> None:
    result = judged(context, snapshot(tmp_path, ("pyyaml", "5.3")), days=-1)
    assert result.status is Status.COULD_NOT_RUN
    assert "clock is earlier" in result.reason


def test_a_snapshot_that_misses_the_canary_fails_the_gate(context: Context, tmp_path: Path) -> None:
    for days in (3, 31):
        result = judged(context, snapshot(tmp_path, ("something", "1.0")), days)
        assert result.status is Status.FAILED
        assert "is silent on" in result.reason


def test_a_lock_that_pins_nothing_could_not_be_audited(context: Context, tmp_path: Path) -> None:
    (context.project / "policies/lock/runtime.txt").write_text("# nothing\n")
    bare = make_context(context.project, context.work)
    path = snapshot(tmp_path, ("pyyaml", "5.3"))
    with pytest.raises(CouldNotRun, match="pins nothing"):
        gate().check(dataclasses.replace(bare, advisories=path))


def test_without_a_live_source_a_snapshot_makes_no_strict_verdict(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nothing is reached
    path = snapshot(tmp_path, ("pyyaml", "5.3"))
    strict = dataclasses.replace(context, advisories=path, mode=Mode.STRICT)
    result = run_gate(gate(), strict, without_specimens=())
    assert result.status is Status.FAILED
    assert "snapshot" in result.reason
    result = run_gate(gate(), context, without_specimens=())
    assert result.status is Status.NOT_EVALUATED
