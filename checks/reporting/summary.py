"""The Markdown summary for a pull request: the verdict, what it does not cover, findings, controls.

It stays below the size that GitHub accepts, and shows names from the project as they are: nothing
in them is read as Markdown or HTML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.model import Status
from checks.reporting.terminal import earlier, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from checks.model import Finding
    from checks.outcome import ControlResult, FileDigest, Outcome

MOST_BYTES = 60_000  # a comment on GitHub holds 65,536 characters
_MOST_FINDINGS = 50
_MOST_TEXT = 300
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~<>&@$-])")
_SEVERITIES = ("critical", "high", "medium", "low")


def render_summary(outcome: Outcome) -> str:
    """Return the page; findings that don't fit are counted."""
    for most in (_MOST_FINDINGS, 10, 0):
        text = "\n".join(_lines(outcome, most)) + "\n"
        if len(text.encode()) <= MOST_BYTES:
            return text
    return f"**{escape(outcome.line)}**\n\nToo much for a summary: see report.html.\n"


def escape(text: str) -> str:
    """Return text that Markdown shows letter by letter, on one line, cut where it is long."""
    line = " ".join(text.split())
    cut = line if len(line) <= _MOST_TEXT else line[: _MOST_TEXT - 1] + "…"
    # A number instead of the sign: no dialect reads it as markup, and `@name` calls nobody.
    return _SPECIAL.sub(lambda found: f"&#{ord(found[1])};", cut)


def _lines(outcome: Outcome, most: int) -> Iterator[str]:
    subject = outcome.subject
    yield f"**{escape(outcome.line)}**"
    yield ""
    state = "" if not subject.dirty else " with uncommitted changes"
    commit = subject.commit or "no git checkout"
    yield f"{escape(subject.project)} {escape(subject.version)}, {commit}{state}"
    yield from _limits(outcome)
    yield from _findings(outcome, most)
    yield from _controls(outcome.controls)
    yield from _files(outcome)


def _limits(outcome: Outcome) -> Iterator[str]:
    """Say first what the verdict does not rest on."""
    unanswered = (Status.NOT_EVALUATED, Status.COULD_NOT_RUN, Status.NOT_APPLICABLE)
    items = [
        f"{one.gate}: {one.status.value.replace('_', ' ')}: {one.reason}"
        for one in outcome.gates
        if one.status in unanswered
    ]
    items += [f"{one}: left out of this run" for one in outcome.left_out]
    items += [f"{one.gate}: {earlier(one)}" for one in outcome.gates if one.taken]
    yield from _list("Not looked at in this run", items)
    yield from _list("Problems", outcome.problems)
    yield from _list("Warnings", outcome.warnings)


def _list(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield from ("", f"### {title}", "")
        yield from (f"- {escape(one)}" for one in items)


def _findings(outcome: Outcome, most: int) -> Iterator[str]:
    found = unique_findings(outcome)
    waived = sum(len(one.waived) for one in outcome.controls)
    yield from ("", f"### Findings: {len(found)}" + (f", waived: {waived}" if waived else ""), "")
    if not found:
        return
    if most:
        yield from ("| severity | control | where | rule | what |", "|---|---|---|---|---|")
    for control, one in found[:most]:
        cells = (control.control.severity, control.control.id, place(one), one.rule, one.message)
        yield "| " + " | ".join(escape(cell) for cell in cells) + " |"
    if len(found) > most:
        yield from ("", f"and {len(found) - most} more: see report.html")


def unique_findings(outcome: Outcome) -> list[tuple[ControlResult, Finding]]:
    """Return every finding once, under its gravest control, the gravest first."""
    order = sorted(outcome.controls, key=lambda one: _SEVERITIES.index(one.control.severity))
    found: dict[str, tuple[ControlResult, Finding]] = {}
    for control in order:
        for one in control.findings:
            found.setdefault(one.fingerprint, (control, one))
    return list(found.values())


def _controls(controls: Sequence[ControlResult]) -> Iterator[str]:
    yield from ("", "### Controls", "", "| control | severity | status | what it promises |")
    yield "|---|---|---|---|"
    for one in controls:
        status = one.status.value.replace("_", " ")
        shown = status if one.status is Status.PASSED else f"**{status}**"
        yield (
            f"| {escape(one.control.id)} | {one.control.severity} | {shown}"
            f" | {escape(one.control.title)} |"
        )


def _files(outcome: Outcome) -> Iterator[str]:
    yield from ("", "### What was judged", "")
    for title, file in (("wheel", outcome.subject.wheel), ("sdist", outcome.subject.sdist)):
        yield f"- {title}: {_file(file)}"
    around = outcome.surroundings
    yield f"- policy: {escape(around.policy_uri)}, sha256 {around.policy_sha256}"
    yield "- more: report.html for people, report.json, report.sarif and report.junit.xml for tools"


def _file(file: FileDigest | None) -> str:
    return "not built in this run" if file is None else f"{escape(file.name)}, sha256 {file.sha256}"
