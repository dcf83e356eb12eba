"""The gate `vulnerabilities`: nothing that is locked is known to be vulnerable.

pip-audit is content with a distribution that it could not audit and with an empty list, so the
verdict is drawn from its JSON: everything locked is in it, and a canary that is known to be
vulnerable was found by the same run. Live advisories are asked, or those of a snapshot; a
snapshot knows nothing newer than itself, so it never makes a strict verdict.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from checks.advisories import Snapshot, load_snapshot
from checks.model import (
    CouldNotRun,
    Finding,
    GateOutput,
    Location,
    Mode,
    NotApplicable,
    NotEvaluated,
    Scope,
    ToolRun,
)
from checks.osv import serve_snapshot
from checks.process import run_tool, tool_path, tool_version
from checks.specimens import discover

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome
    from checks.specimens import Specimen

KNOWN = "vulnerabilities.known"
UNACCOUNTED = "vulnerabilities.unaccounted"

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
_TAIL = 1_000
_SNAPSHOT_LIMIT = "a snapshot was asked: at best, no vulnerability is known to this snapshot"


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
    """Where advisories come from: arguments for pip-audit, and what the report says about it."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    notes: tuple[str, ...]


class VulnerabilitiesGate:
    """Audit the runtime lock, with a known-vulnerable canary in the same run."""

    name = "vulnerabilities"
    title = "No locked distribution is known to be vulnerable"
    rules = (KNOWN, UNACCOUNTED)

    def check(self, context: Context) -> GateOutput:
        """Audit live where that decides, else from the snapshot that was given.

        Raises:
            NotApplicable: the project has no lock.
            NotEvaluated: no source of advisories, or in strict mode only a snapshot.
            CouldNotRun: the audit has no trustworthy answer.
        """
        lock = context.manifest.lock
        if lock is None:
            raise NotApplicable("the project has no runtime lock to audit")
        _require_whole_lock(context.project / lock, context.manifest.locked)
        if context.mode is Mode.STRICT or context.advisories is None:
            return self._live(context, lock)
        return self._from_snapshot(context, lock, context.advisories)

    def inputs(self, context: Context) -> None:  # noqa: ARG002 - the gate's contract
        """Say that no answer may be taken again: advisories come in by the day."""
        return

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge invented reports; the canaries are judged beside the project itself."""
        return tuple(_report_outcomes(context))

    def _live(self, context: Context, lock: str) -> GateOutput:
        source = Source(("-s", "pypi"), {}, ("live advisories of the package index",))
        try:
            _require_advisories(context, source)
            return self._audit(context, lock, source)
        except NotEvaluated:
            if context.advisories is None:
                raise
        output = self._from_snapshot(context, lock, context.advisories)
        if output.findings:  # what even an old snapshot knows is reason enough to fail
            return output
        raise NotEvaluated("only a snapshot could be asked, which never makes a strict verdict")

    def _from_snapshot(self, context: Context, lock: str, path: Path) -> GateOutput:
        snapshot = load_snapshot(path)
        names = frozenset(context.manifest.locked) | frozenset(_canaries(context))
        with _snapshot_source(snapshot, names) as source:
            return self._audit(context, lock, source)

    def _audit(self, context: Context, lock: str, source: Source) -> GateOutput:
        canaries = _canaries(context)
        if clash := sorted(set(canaries) & set(context.manifest.locked)):
            raise CouldNotRun(f"a canary is also locked, so it proves nothing: {', '.join(clash)}")
        versions = {name: version for name, (version, _) in canaries.items()}
        report, run = _run_pip_audit(context, context.manifest.locked | versions, source)
        ours = [one for one in report if one.name not in canaries]
        outcomes = tuple(_canary_outcomes(canaries, report))
        findings = [
            *unaccounted(ours, context.manifest.locked, lock),
            *known(ours, lock),
        ]
        scope = Scope(
            "distributions",
            frozenset(context.manifest.locked),
            frozenset(one.name for one in ours if one.version is not None),
        )
        return GateOutput((scope,), outcomes, tuple(findings), (run,), source.notes)


def known(report: list[Audited], lock: str) -> list[Finding]:
    """Return a finding for every advisory that the report names."""
    return [
        Finding(
            KNOWN,
            f"{one.name} {one.version} has the known vulnerability {advisory}",
            Location(lock),
            context=one.name,
            snippet=f"{one.name}=={one.version} {advisory}",
            remediation=f"lock {one.name} {' or '.join(one.fixed_in)}"
            if one.fixed_in
            else f"replace {one.name}: no fixed version is known",
        )
        for one in report
        for advisory in one.advisories
    ]


def unaccounted(report: list[Audited], locked: Mapping[str, str], lock: str) -> list[Finding]:
    """Return a finding for everything locked that was not audited, or audited otherwise."""
    by_name = {one.name: one for one in report}
    reasons = {name: _why_not(by_name.get(name), version) for name, version in locked.items()}
    reasons |= {name: "audited but not locked" for name in by_name if name not in locked}
    return [
        Finding(UNACCOUNTED, f"{name}: {reason}", Location(lock), context=name, snippet=name)
        for name, reason in sorted(reasons.items())
        if reason
    ]


def _why_not(one: Audited | None, version: str) -> str:
    if one is None:
        return "locked but not in the audit's report"
    if one.skip_reason is not None or one.version is None:
        return f"skipped by the audit: {one.skip_reason or 'no reason given'}"
    return "" if one.version == version else f"locked {version} but audited {one.version}"


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


def _require_whole_lock(path: Path, locked: Mapping[str, str]) -> None:
    """Count the pins again, in our own way: what the manifest overlooked nobody would audit."""
    pins = {
        canonicalize_name(name): version for name, version in _PIN.findall(path.read_text("utf-8"))
    }
    if not pins:
        raise CouldNotRun("the runtime lock pins nothing, so there is nothing to audit")
    if pins != dict(locked):
        odd = sorted(set(pins.items()) ^ set(locked.items()))
        raise CouldNotRun(f"the manifest and the lock differ in {', '.join(n for n, _ in odd)}")


def _require_advisories(context: Context, source: Source) -> None:
    """Ask the live source for the canaries alone: a mirror may be an index without advisories.

    Raises:
        NotEvaluated: it can't be reached, or doesn't know what every such source knows.
    """
    canaries = _canaries(context)
    report, _ = _run_pip_audit(
        context, {n: version for n, (version, _) in canaries.items()}, source
    )
    if not all(outcome.ok for outcome in _canary_outcomes(canaries, report)):
        raise NotEvaluated("the live source knows no vulnerability of the canary")


def _run_pip_audit(
    context: Context, pins: Mapping[str, str], source: Source
) -> tuple[list[Audited], ToolRun]:
    """Audit exactly `pins`: markers are left out, since pip-audit drops what they exclude here."""
    context.work.mkdir(parents=True, exist_ok=True)
    listed = context.work / "audited.txt"
    listed.write_text("".join(f"{name}=={pins[name]}\n" for name in sorted(pins)), "utf-8")
    fixed = ["-S", "-f", "json", "--progress-spinner", "off", "--disable-pip", "--no-deps"]
    cache = ["--cache-dir", str(context.work / "pip-audit-cache")]
    done = run_tool(
        "pip-audit",
        [tool_path("pip-audit"), *fixed, *cache, *source.arguments, "-r", str(listed)],
        cwd=context.work,
        env=source.environment,
        version=tool_version("pip-audit"),
        timeout=300,
    )
    if done.stdout.lstrip().startswith("{"):
        return parse_report(done.stdout), done.run
    if _unreachable(done.stderr) or any(_unknown(done.stderr, one) for one in _canaries(context)):
        raise NotEvaluated("no live source of advisories could be reached")
    raise CouldNotRun(f"pip-audit exited {done.exit_code}: {done.stderr.strip()[-_TAIL:]}")


def _unreachable(stderr: str) -> bool:
    """Tell a missing network from a fault: the exit code is 1 for both."""
    return any(
        sign in stderr for sign in ("ConnectionError", "Could not connect", "Max retries", "Proxy")
    )


def _unknown(stderr: str, name: str) -> bool:
    """Tell whether the source says that it has never heard of `name`."""
    return f"{name}: Dependency not found" in stderr


def _canaries(context: Context) -> dict[str, tuple[str, Specimen]]:
    """Return name → (version, specimen) of the canaries: requirement files of one pin each."""
    found: dict[str, tuple[str, Specimen]] = {}
    for one in discover(context.policies, "vulnerabilities"):
        if one.rule == KNOWN:
            ((name, version),) = _PIN.findall(one.path.read_text("utf-8"))
            found[canonicalize_name(name)] = (version, one)
    return found


def _canary_outcomes(
    canaries: dict[str, tuple[str, Specimen]], report: list[Audited]
) -> Iterator[SpecimenOutcome]:
    by_name = {one.name: one for one in report}
    for name, (version, specimen) in canaries.items():
        one = by_name.get(name)
        if one is None or one.version != version:
            raise CouldNotRun(f"the canary {name} is not in the audit's report")
        yield specimen.outcome(fired=bool(known([one], "canary")))


def _report_outcomes(context: Context) -> Iterator[SpecimenOutcome]:
    for specimen in discover(context.policies, "vulnerabilities"):
        if specimen.rule == UNACCOUNTED:
            case = json.loads(specimen.path.read_text("utf-8"))
            report = parse_report(json.dumps(case["report"]))
            yield specimen.outcome(fired=bool(unaccounted(report, case["locked"], "lock")))


@contextmanager
def _snapshot_source(snapshot: Snapshot, names: frozenset[str]) -> Iterator[Source]:
    age = snapshot.age_days(datetime.now(UTC))
    with serve_snapshot(snapshot, names) as url:
        yield Source(
            ("-s", "osv", "--osv-url", url),
            {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            (
                _SNAPSHOT_LIMIT,
                f"snapshot: {snapshot.records} records, newest {snapshot.newest.isoformat()}",
                f"snapshot: {age} days old, commit {snapshot.commit or 'unknown'}",
            ),
        )
