"""pip-audit, asked for exactly what is locked, and its report.

Findings and crashes both exit 1, and it is content with much that it never looked at; so what it
says is read from its JSON alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from checks.model import CouldNotRun, NotEvaluated
from checks.process import run_tool, tool_path, tool_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from checks.model import ToolRun

_TAIL = 1_000
_LOOPBACK = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Audited:
    """One distribution in pip-audit's report; `version` is None when it was skipped."""

    name: str
    version: str | None
    skip_reason: str | None
    advisories: tuple[str, ...]
    fixed_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where advisories come from: arguments for pip-audit, and whether it is outside here."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    live: bool


LIVE = Source(("-s", "pypi"), {}, live=True)


def local_source(url: str) -> Source:
    """Return the source for an endpoint on this machine, which no proxy leads to."""
    return Source(("-s", "osv", "--osv-url", url), _LOOPBACK, live=False)


def audit(
    work: Path, pins: Mapping[str, str], source: Source, canaries: Iterable[str]
) -> tuple[list[Audited], ToolRun]:
    """Audit exactly `pins`: markers are left out, since pip-audit drops what they exclude here.

    Raises:
        NotEvaluated: a live source can't be reached, or has never heard of a canary.
        CouldNotRun: there is no report.
    """
    work.mkdir(parents=True, exist_ok=True)
    listed = work / "audited.txt"
    listed.write_text("".join(f"{name}=={pins[name]}\n" for name in sorted(pins)), "utf-8")
    fixed = ["-S", "-f", "json", "--progress-spinner", "off", "--disable-pip", "--no-deps"]
    cache = ["--cache-dir", str(work / "pip-audit-cache")]
    done = run_tool(
        "pip-audit",
        [tool_path("pip-audit"), *fixed, *cache, *source.arguments, "-r", str(listed)],
        cwd=work,
        env=source.environment,
        version=tool_version("pip-audit"),
        timeout=300,
    )
    if done.stdout.lstrip().startswith("{"):
        return parse_report(done.stdout), done.run
    unknown = any(_unknown(done.stderr, one) for one in canaries)
    if source.live and (unknown or _unreachable(done.stderr)):
        raise NotEvaluated("no live source of advisories could be reached")
    raise CouldNotRun(f"pip-audit exited {done.exit_code}: {done.stderr.strip()[-_TAIL:]}")


def parse_report(text: str) -> list[Audited]:
    """Read pip-audit's JSON.

    Raises:
        CouldNotRun: it is not a report.
    """
    try:
        return [_audited(entry) for entry in json.loads(text)["dependencies"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CouldNotRun("pip-audit's report can't be read") from error


def _audited(entry: dict[str, object]) -> Audited:
    vulns = entry["vulns"] if "skip_reason" not in entry else []
    if not isinstance(vulns, list):
        raise TypeError("vulns is no list")
    return Audited(
        canonicalize_name(str(entry["name"])),
        str(entry["version"]) if "version" in entry else None,
        str(entry["skip_reason"]) if "skip_reason" in entry else None,
        tuple(str(one["id"]) for one in vulns),
        tuple(sorted({str(fix) for one in vulns for fix in one.get("fix_versions", ())})),
    )


def _unreachable(stderr: str) -> bool:
    """Tell a missing network from a fault: the exit code is 1 for both."""
    return any(
        sign in stderr for sign in ("ConnectionError", "Could not connect", "Max retries", "Proxy")
    )


def _unknown(stderr: str, name: str) -> bool:
    """Tell whether the source says that it has never heard of `name`."""
    return f"{name}: Dependency not found" in stderr
