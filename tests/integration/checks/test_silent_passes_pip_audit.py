"""What pip-audit is content with (exit 0), and that the gate `vulnerabilities` is not.

Each case provokes the silence in the real tool, over an endpoint of this machine, and holds the
same against the gate.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import subprocess
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest
from checks_support import make_context, make_project

from checks.gates.vulnerabilities import UNACCOUNTED, VulnerabilitiesGate, require_told, unaccounted
from checks.model import CouldNotRun, Status
from checks.osv.endpoint import serve_snapshot
from checks.osv.pip_audit import audit, local_source, parse_report
from checks.osv.snapshot import load_snapshot
from checks.process import clean_environment, tool_path
from checks.runner import run_gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.model import GateResult

NOW = dt.datetime(2024, 10, 12, tzinfo=dt.UTC)
HASH = "--hash=sha256:" + "0" * 64
CLEAN = "No known vulnerabilities found"


def record(
    name: str, version: str, number: int = 0, changes: dict[str, object] | None = None
) -> dict[str, object]:
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "versions": [version]}]
    plain = {
        "schema_version": "1.6.0",
        "id": f"PYSEC-2024-{name}-{number}",
        "modified": "2024-10-10T00:00:00Z",
        "summary": "bad",
        "affected": affected,
    }
    return {key: value for key, value in {**plain, **(changes or {})}.items() if value is not None}


# What an endpoint may answer, by the name that is asked for; nothing is known of any other.
ANSWERS: dict[str, dict[str, object]] = {
    "other-schema": {"vulns": [record("other-schema", "1.0", 0, {"schema_version": "2.0.0"})]},
    "about-nothing": {"vulns": [record("about-nothing", "1.0", 0, {"affected": None})]},
    "paged": {"vulns": [], "next_page_token": "more"},
    "known": {"vulns": [record("known", "1.0")]},
}


class Sloppy(BaseHTTPRequestHandler):
    """An endpoint that answers to whatever it is asked, and breaks down at one name."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        body = json.dumps(ANSWERS.get(name, {})).encode()
        self.send_response(500 if name == "breaks-down" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def sloppy() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Sloppy)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def pip_audit(folder: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the tool as its own documentation does."""
    local = ["-s", "osv", "--osv-url", url, "-f", "json", "--progress-spinner", "off"]
    return subprocess.run(
        [tool_path("pip-audit"), *local, "--cache-dir", str(folder / "cache"), *arguments],
        cwd=folder,
        env=clean_environment({"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}),
        capture_output=True,
        text=True,
        check=False,
    )


def listed(folder: Path, url: str, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "requirements.txt").write_text(text)
    return pip_audit(folder, url, "--disable-pip", "--no-deps", "-r", "requirements.txt")


@dataclass
class Case:
    """A project with a lock, judged by a snapshot."""

    folder: Path
    records: list[dict[str, object]] = field(default_factory=lambda: [record("pyyaml", "5.3")])

    def snapshot(self) -> Path:
        path = self.folder / "all.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number, one in enumerate(self.records):
                archive.writestr(f"{number}.json", json.dumps(one))
        return path

    def judged(self, lock: str) -> GateResult:
        project = make_project(self.folder / "project")
        (project / "policies/lock").mkdir(parents=True)
        (project / "policies/lock/runtime.txt").write_text(lock)
        context = make_context(project, self.folder / "work")
        given = dataclasses.replace(context, advisories=self.snapshot())
        return run_gate(VulnerabilitiesGate(lambda: NOW), given, without_specimens=())


def test_nothing_to_audit(sloppy: str, tmp_path: Path) -> None:
    done = listed(tmp_path, sloppy, "# nothing\n")
    assert (done.returncode, CLEAN in done.stderr) == (0, True)
    result = Case(tmp_path).judged("# nothing\n")
    assert (result.status, "pins nothing" in result.reason) == (Status.COULD_NOT_RUN, True)


def test_only_what_applies_elsewhere(sloppy: str, tmp_path: Path) -> None:
    lock = f"known==1.0 ; sys_platform == 'never' {HASH}\n"
    done = listed(tmp_path, sloppy, lock)
    assert (done.returncode, CLEAN in done.stderr) == (0, True)
    result = Case(tmp_path, [record("pyyaml", "5.3"), record("known", "1.0")]).judged(lock)
    assert result.status is Status.FAILED
    assert "1 finding" in result.reason


def test_a_folder_that_is_not_there(sloppy: str, tmp_path: Path) -> None:
    done = pip_audit(tmp_path, sloppy, "--path", "nowhere")
    assert (done.returncode, CLEAN in done.stderr) == (0, True)
    (finding,) = unaccounted(parse_report(done.stdout), {"known": "1.0"}, "lock")
    assert (finding.rule, "not in the audit's report" in finding.message) == (UNACCOUNTED, True)


def test_a_distribution_that_can_not_be_audited(sloppy: str, tmp_path: Path) -> None:
    lock = f"known @ https://example.com/known-1.0-py3-none-any.whl {HASH}\n"
    done = listed(tmp_path, sloppy, lock)
    assert (done.returncode, CLEAN in done.stderr) == (0, True)
    (finding,) = unaccounted(parse_report(done.stdout), {"known": "1.0"}, "lock")
    assert (finding.rule, "skipped by the audit" in finding.message) == (UNACCOUNTED, True)
    with pytest.raises(CouldNotRun, match="known is not pinned"):
        Case(tmp_path).judged(f"other==1.0 {HASH}\n{lock}")


def test_answers_that_are_passed_over(sloppy: str, tmp_path: Path) -> None:
    names = ("other-schema", "about-nothing", "paged", "private")
    done = listed(tmp_path, sloppy, "".join(f"{name}==1.0\n" for name in names))
    assert (done.returncode, CLEAN in done.stderr) == (0, True)
    report = parse_report(done.stdout)
    assert {one.name for one in report} == set(names)
    # Were it to happen to the gate's own endpoint, the snapshot would contradict the report.
    snapshot = load_snapshot(Case(tmp_path, [record("paged", "1.0")]).snapshot())
    with pytest.raises(CouldNotRun, match="nothing of paged"):
        require_told(snapshot, {"paged": "1.0", "private": "1.0"}, report)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"schema_version": "2.0.0"}, "schema '2.0.0' is unknown"),
        ({"affected": None}, "no package"),
    ],
)
def test_records_that_are_passed_over(tmp_path: Path, changes: dict[str, object], why: str) -> None:
    result = Case(tmp_path, [record("known", "1.0", 0, changes)]).judged(f"known==1.0 {HASH}\n")
    assert (result.status, why in result.reason) == (Status.COULD_NOT_RUN, True)


def test_a_second_page_that_is_never_asked_for(tmp_path: Path) -> None:
    records = [record("pyyaml", "5.3"), *(record("known", "1.0", one) for one in range(1_100))]
    result = Case(tmp_path, records).judged(f"known==1.0 {HASH}\n")
    assert result.output is not None
    assert len(result.output.findings) == 1_100


def test_a_private_name_that_nobody_meant_to_ask_for(sloppy: str, tmp_path: Path) -> None:
    pins = {"private": "1.0"}
    report, _ = audit(tmp_path / "sloppy", pins, local_source(sloppy), ())
    assert not report[0].advisories
    with (
        serve_snapshot(load_snapshot(Case(tmp_path).snapshot()), {"pyyaml": "5.3"}) as url,
        pytest.raises(CouldNotRun, match="pip-audit exited 1"),
    ):
        audit(tmp_path / "strict", pins, local_source(url), ())


def test_a_crash_that_looks_like_a_finding(sloppy: str, tmp_path: Path) -> None:
    assert listed(tmp_path, sloppy, "known==1.0\n").returncode == 1
    report, run = audit(tmp_path / "known", {"known": "1.0"}, local_source(sloppy), ())
    assert (run.exit_code, report[0].advisories) == (1, ("PYSEC-2024-known-0",))
    with pytest.raises(CouldNotRun, match="pip-audit exited 1"):
        audit(tmp_path / "crash", {"breaks-down": "1.0"}, local_source(sloppy), ())


def test_an_endpoint_of_ours_that_is_gone_is_no_missing_network(tmp_path: Path) -> None:
    with serve_snapshot(load_snapshot(Case(tmp_path).snapshot()), {}) as url:
        pass
    with pytest.raises(CouldNotRun, match="pip-audit exited 1"):
        audit(tmp_path / "gone", {"known": "1.0"}, local_source(url), ())
