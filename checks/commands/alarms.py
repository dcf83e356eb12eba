"""``python -m checks alarms``: measure false alarms on well-kept public code."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from checks.alarms.fetch import fetch
from checks.alarms.judged import disagreements, figures, load_judged, unjudged
from checks.alarms.measure import Measured, measure
from checks.alarms.page import render_page
from checks.execute import CACHE, HOME
from checks.lock import read_lock

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from checks.alarms.judged import Judged
    from checks.model import Finding

SUMMARY = "measure the false alarms of the blocking rules on well-kept public code"

LOCK = Path("lock") / "wellkept.txt"
JUDGED = "wellkept.toml"
PAGE = HOME / "docs" / "false-alarms.md"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add = parser.add_argument
    add("--docs", action="store_true", help=f"write docs/{PAGE.name} anew when all is judged")
    add(
        "--policies",
        type=Path,
        default=HOME / "policies",
        metavar="DIR",
        help="rules and judgements (those beside these checks)",
    )


def run(given: argparse.Namespace, console: Console) -> int:
    """Fetch, measure, compare with the judgements; 0 only when they agree and allow it.

    Raises:
        CouldNotRun: the sources can't be fetched, or not all of them were looked at.
    """
    policies = given.policies.resolve()
    judged = load_judged(policies / JUDGED)
    measured = _measure_all(policies)
    _show(judged, measured, console)
    problems = disagreements(judged, measured)
    new = unjudged(judged, measured)
    for name, finding in new:
        console.print(_draft(name, finding), markup=False, highlight=False, soft_wrap=True)
    problems += [f"{len(new)} hits are not judged: add them to {JUDGED}"] if new else []
    for problem in problems:
        console.print(f"NO: {problem}", style="bold red", markup=False, soft_wrap=True)
    if given.docs and not problems:
        PAGE.write_text(render_page(judged), "utf-8", newline="\n")
        console.print(f"written: docs/{PAGE.name}", markup=False, highlight=False)
    return 1 if problems else 0


def _measure_all(policies: Path) -> list[Measured]:
    lock = policies / LOCK
    sources = fetch(lock, CACHE)
    with tempfile.TemporaryDirectory(prefix="alarms-") as work:
        return [
            measure(name, version, sources[name], policies, Path(work))
            for name, version in sorted(read_lock(lock).items())
        ]


def _show(judged: Judged, measured: Sequence[Measured], console: Console) -> None:
    table = Table("project", "lines of code", "rule", "hits", "false alarms")
    for one in measured:
        rules = sorted({finding.rule for finding in one.findings})
        for rule in rules or ["-"]:
            hits = sum(finding.rule == rule for finding in one.findings)
            alarms = figures(judged, project=one.name, rule=rule).false_alarms
            table.add_row(
                f"{one.name} {one.version}", f"{one.lines:,}", rule, str(hits), f"{alarms}"
            )
    console.print(table)
    sums = figures(judged)
    console.print(
        f"{sums.false_alarms} false alarms in {sums.lines:,} lines of code: "
        f"{sums.share:.2f} in 10,000, at most {judged.most:g}",
        highlight=False,
    )


def _draft(project: str, finding: Finding) -> str:
    """Return the entry of a hit that is not judged, to be filled in."""
    entry = {
        "project": project,
        "rule": finding.rule,
        "path": finding.location.path if finding.location else "",
        "function": finding.context,
        "evidence": finding.snippet,
        "occurrence": finding.occurrence,
        "verdict": "",
        "why": "",
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(["", "[[hit]]", *lines])
