"""Writes all reports of a run into one folder, after clearing away those of an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.reporting.attestation import RESULT_FILE, VERDICT_FILE, render_statements
from checks.reporting.html import render_html
from checks.reporting.json_report import render_json
from checks.reporting.junit import render_junit
from checks.reporting.sarif import render_sarif
from checks.reporting.summary import render_summary

if TYPE_CHECKING:
    from pathlib import Path

    from checks.outcome import Outcome

_FORMATS = {
    "report.json": render_json,
    "report.sarif": render_sarif,
    "report.junit.xml": render_junit,
    "report.html": render_html,
    "summary.md": render_summary,
}


def clear_reports(folder: Path) -> None:
    """Remove an earlier run's reports, so that no stale pass is taken for this run's."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*_FORMATS, RESULT_FILE, VERDICT_FILE):
        (folder / name).unlink(missing_ok=True)


def write_reports(outcome: Outcome, folder: Path) -> list[Path]:
    """Write every format, and the statements only for a strict pass; return the files."""
    texts = {name: render(outcome) for name, render in _FORMATS.items()}
    if outcome.attestable:
        texts |= render_statements(outcome)
    return [_write(folder / name, text) for name, text in texts.items()]


def _write(path: Path, text: str) -> Path:
    """Write in one step: a reader sees the whole file or none."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, "utf-8", newline="\n")
    part.replace(path)
    return path
