"""Writes all reports of a run into one folder, after clearing away those of an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.reporting.attestation import render_attestation
from checks.reporting.html import render_html
from checks.reporting.json_report import render_json
from checks.reporting.sarif import render_sarif

if TYPE_CHECKING:
    from pathlib import Path

    from checks.outcome import Outcome

ATTESTATION = "attestation.intoto.json"
_NAMES = ("report.json", "report.sarif", "report.html", ATTESTATION)


def clear_reports(folder: Path) -> None:
    """Remove an earlier run's reports, so that no stale pass is taken for this run's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _NAMES:
        (folder / name).unlink(missing_ok=True)


def write_reports(outcome: Outcome, folder: Path) -> list[Path]:
    """Write every format, and the attestation only for a strict pass; return the files."""
    texts = {
        "report.json": render_json(outcome),
        "report.sarif": render_sarif(outcome),
        "report.html": render_html(outcome),
    }
    if outcome.attestable:
        texts[ATTESTATION] = render_attestation(outcome)
    return [_write(folder / name, text) for name, text in texts.items()]


def _write(path: Path, text: str) -> Path:
    """Write in one step: a reader sees the whole file or none."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8", newline="\n")
    part.replace(path)
    return path
