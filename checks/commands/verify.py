"""``python -m checks verify``: is this file the one that a report judged, and what did it say?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.execute import HOME
from checks.model import CouldNotRun
from checks.reported.read import Report, contradictions, read_report
from checks.specimens import digest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from rich.console import Console

SUMMARY = "tell whether a file is the one that a report judged, by which policy, and when"

_FORGED = "A report is no proof of who made it: verify the release's signature, too."


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add = parser.add_argument
    add("report", type=Path, metavar="REPORT", help="a report.json")
    add("--wheel", type=Path, required=True, metavar="FILE", help="the wheel at hand")
    add("--sdist", type=Path, metavar="FILE", help="the sdist at hand")
    add("--attestation", type=Path, metavar="FILE", help="the report's attestation.intoto.json")
    add(
        "--policies",
        type=Path,
        default=HOME / "policies",
        metavar="DIR",
        help="the policy that it should have been judged by (the one beside these checks)",
    )


def run(given: argparse.Namespace, console: Console) -> int:
    """Print what the report says of the files; 0 only for the same files, judged as passed.

    Raises:
        CouldNotRun: the report, or a file, can't be read.
    """
    report = read_report(given.report)
    doubts = [
        *contradictions(report),
        *_files(report, given.wheel, given.sdist),
        *_statement(report, given.attestation),
        *([] if report["verdict"] == "passed" else [f"the verdict is {report['verdict']}"]),
    ]
    for line in (*_told(report), *_policy(report, given.policies), _FORGED):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for doubt in doubts:
        console.print(f"NO: {doubt}", style="bold red", markup=False, soft_wrap=True)
    if not doubts:
        line = f"YES: {given.wheel.name} is the file that was judged: {report['verdict_line']}"
        console.print(line, style="bold green", markup=False, soft_wrap=True)
    return 1 if doubts else 0


def _told(report: Report) -> Iterator[str]:
    subject = report["subject"]
    dirty = " with uncommitted changes" if subject["dirty"] else ""
    yield f"{subject['project']} {subject['version']}, commit {subject['commit']}{dirty}"
    yield f"judged {report['started']} to {report['ended']} in {report['mode']} mode"
    unanswered = [
        f"{one['name']} ({one['status'].replace('_', ' ')}: {one['reason']})"
        for one in report["gates"]
        if one["status"] not in {"passed", "failed", "waived"}
    ]
    for gate in report["gates"]:
        for part in gate["taken_from"] or ():
            yield f"{gate['name']}: {part['part']} taken from an earlier run, {part['started']}"
    unanswered += [f"{one} (left out)" for one in report["left_out"]]
    yield "not evaluated: " + ("; ".join(unanswered) or "nothing")


def _policy(report: Report, policies: Path) -> Iterator[str]:
    policy = report["policy"]
    yield f"policy {policy['uri']}, sha256 {policy['sha256']}"
    if policies.is_dir():
        same = digest(policies) == policy["sha256"]
        yield f"that is {'' if same else 'NOT '}the policy in {policies.name}/ at hand"


def _files(report: Report, wheel: Path, sdist: Path | None) -> Iterator[str]:
    for kind, path in (("wheel", wheel), ("sdist", sdist)):
        judged = report["subject"][kind]
        if path is None:
            continue
        if judged is None:
            yield f"the report judged no {kind}"
        elif _sha256(path) != judged["sha256"]:
            yield f"{path.name} is not the {kind} that was judged ({judged['name']})"


def _statement(report: Report, path: Path | None) -> Iterator[str]:
    """Hold an attestation against the report that it came with."""
    if path is None:
        return
    try:
        statement: dict[str, Any] = json.loads(path.read_text("utf-8"))  # Any: parsed JSON
        named = sorted((one["name"], one["digest"]["sha256"]) for one in statement["subject"])
        policy = statement["predicate"]["policy"]["digest"]["sha256"]
        result = statement["predicate"]["verificationResult"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CouldNotRun(f"{path.name} is no attestation of a release check") from error
    if not report["attested"]:
        yield "the report was not attested, so this statement is not its own"
    files = [report["subject"][kind] for kind in ("wheel", "sdist")]
    if named != sorted((one["name"], one["sha256"]) for one in files if one is not None):
        yield "the attestation is about other files than the report"
    if policy != report["policy"]["sha256"] or result != "PASSED":
        yield "the attestation names another policy or result than the report"


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise CouldNotRun(f"{path.name} can't be read: {error.strerror}") from error
