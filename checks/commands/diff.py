"""``python -m checks diff``: what changed between two releases' reports."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from checks.model import CouldNotRun
from checks.reported.compare import compare
from checks.reported.read import contradictions, read_report

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from checks.reported.read import Report

SUMMARY = "show what changed between two reports; 1 when something got worse"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("old", type=Path, metavar="OLD", help="the earlier report.json")
    parser.add_argument("new", type=Path, metavar="NEW", help="the later report.json")
    parser.add_argument("--json", action="store_true", help="print the changes as JSON")


def run(given: argparse.Namespace, console: Console) -> int:
    """Print every change.

    Raises:
        CouldNotRun: a report can't be read, or contradicts itself.
    """
    changes = compare(_read(given.old), _read(given.new))
    worse = [one for one in changes if one.worse]
    if given.json:
        console.print_json(json.dumps([dataclasses.asdict(one) for one in changes]))
        return 1 if worse else 0
    for one in changes:
        style = "red" if one.worse else ""
        mark = "worse" if one.worse else "     "
        console.print(f"{mark}  {one.about:<10} {one.what}", style=style, markup=False)
    console.print(f"{len(changes)} changes, {len(worse)} for the worse", markup=False)
    return 1 if worse else 0


def _read(path: Path) -> Report:
    report = read_report(path)
    if wrong := contradictions(report):
        raise CouldNotRun(f"{path.name} contradicts itself: {'; '.join(wrong[:3])}")
    return report
