"""Runs zizmor over files named one by one, and believes it only of those it says it completed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checks.model import CouldNotRun, Finding, Location
from checks.process import run_tool, tool_path, tool_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from checks.model import ToolRun

AUDIT = "workflows.audit"
_COMPLETED = re.compile(r"completed (\S+)$", re.MULTILINE)
# Its comments and configuration files could make it look away; the world outside is not asked.
_STRICTLY = (
    *("--offline", "--format", "json", "--strict-collection", "--no-ignores", "--no-config"),
    *("--no-exit-codes", "--no-progress", "--color", "never"),
)

Entry = dict[str, Any]  # Any: zizmor's JSON, looked at where it is read


@dataclass(frozen=True, slots=True)
class Audit:
    """zizmor's answer: the files it completed, and what it found."""

    completed: frozenset[str]
    findings: tuple[Finding, ...]
    run: ToolRun


def audit(project: Path, files: Sequence[str]) -> Audit:
    """Audit files of a project.

    Raises:
        CouldNotRun: zizmor could not read one of them, or gave no answer.
    """
    done = run_tool(
        "zizmor",
        [tool_path("zizmor"), *_STRICTLY, *files],
        cwd=project,
        version=tool_version("zizmor"),
    )
    try:
        entries: list[Entry] = json.loads(done.stdout)
        findings = tuple(_finding(entry) for entry in entries)
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        said = " ".join(line for line in done.stderr.splitlines() if "error" in line.lower())
        raise CouldNotRun(f"zizmor gave no answer: {said or done.stderr[-300:]}") from error
    if done.exit_code != 0:
        raise CouldNotRun(f"zizmor exited {done.exit_code}: {done.stderr[-300:]}")
    return Audit(frozenset(_COMPLETED.findall(done.stderr)), findings, done.run)


def _finding(entry: Entry) -> Finding:
    place = next(one for one in entry["locations"] if one["symbolic"]["kind"] == "Primary")
    where, symbolic = place["concrete"], place["symbolic"]
    lines = str(where["feature"]).strip().splitlines()
    route = [str(next(iter(step.values()))) for step in symbolic["route"]["route"]]
    severity = entry["determinations"]["severity"].lower()
    return Finding(
        AUDIT,
        f"{entry['ident']} ({severity}): {entry['desc']}; {symbolic['annotation']}",
        Location(
            symbolic["key"]["Local"]["verbatim_path"],
            where["location"]["start_point"]["row"] + 1,
        ),
        snippet=lines[0].strip() if lines else "",
        context=" ".join([entry["ident"], ".".join(route)]),
        remediation=str(entry["url"]),
    )
