"""The gate `vulnerabilities`: nothing that is locked is known to be vulnerable.

pip-audit is content with a distribution that it could not audit and with an empty list, so the
verdict is drawn from its JSON: everything locked is in it, and a canary that is known to be
vulnerable was found by the same run. Live advisories are asked, or those of a snapshot; a
snapshot knows nothing newer than itself, so it never makes a strict verdict.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name, canonicalize_version

from checks.model import (
    CouldNotRun,
    Finding,
    GateOutput,
    Location,
    Mode,
    NotApplicable,
    NotEvaluated,
    Scope,
)
from checks.osv.endpoint import serve_snapshot
from checks.osv.pip_audit import LIVE, audit, local_source, parse_report
from checks.osv.policy import FILE, read_max_age
from checks.osv.snapshot import load_snapshot
from checks.specimens import discover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome
    from checks.osv.pip_audit import Audited, Source
    from checks.osv.snapshot import Snapshot
    from checks.specimens import Specimen

KNOWN = "vulnerabilities.known"
UNACCOUNTED = "vulnerabilities.unaccounted"

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


class VulnerabilitiesGate:
    """Audit the runtime lock, with a known-vulnerable canary in the same run."""

    name = "vulnerabilities"
    title = "No locked distribution is known to be vulnerable"
    rules = (KNOWN, UNACCOUNTED)

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now

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
        try:
            _require_advisories(context)
            output, _ = _judged(context, lock, LIVE)
        except NotEvaluated:
            if context.advisories is None:
                raise
        else:
            return replace(output, notes=("live advisories of the package index",))
        output = self._from_snapshot(context, lock, context.advisories)
        if output.findings:  # what even an old snapshot knows is reason enough to fail
            return output
        raise NotEvaluated("only a snapshot could be asked, which never makes a strict verdict")

    def _from_snapshot(self, context: Context, lock: str, path: Path) -> GateOutput:
        most = read_max_age(context.settings_file(FILE))
        snapshot = load_snapshot(path)
        age = snapshot.age_days(self._now())
        pins = context.manifest.locked | _versions(_canaries(context))
        with serve_snapshot(snapshot, pins) as url:
            output, report = _judged(context, lock, local_source(url))
        require_told(snapshot, pins, report)
        said = _said(snapshot, age, found=bool(output.findings))
        if age > most and not output.findings and all(one.ok for one in output.specimens):
            raise NotEvaluated(f"{said}; {FILE} takes no snapshot older than {most} days")
        silent = sum(name not in snapshot.by_name for name in context.manifest.locked)
        return replace(
            output,
            notes=(
                f"snapshot: {snapshot.withdrawn} of its records are withdrawn and left out",
                f"snapshot: no record is about {silent} of the locked distributions",
            ),
            caveats=(said,),
        )


def _judged(context: Context, lock: str, source: Source) -> tuple[GateOutput, list[Audited]]:
    """Audit the lock and the canaries in one run, and judge the report."""
    canaries = _canaries(context)
    if clash := sorted(set(canaries) & set(context.manifest.locked)):
        raise CouldNotRun(f"a canary is also locked, so it proves nothing: {', '.join(clash)}")
    pins = context.manifest.locked | _versions(canaries)
    report, run = audit(context.work, pins, source, canaries)
    ours = [one for one in report if one.name not in canaries]
    outcomes = tuple(_canary_outcomes(canaries, report))
    findings = (*unaccounted(ours, context.manifest.locked, lock), *known(ours, lock))
    scope = Scope(
        "distributions",
        frozenset(context.manifest.locked),
        frozenset(one.name for one in ours if one.version is not None),
    )
    return GateOutput((scope,), outcomes, findings, (run,)), report


def require_told(snapshot: Snapshot, pins: Mapping[str, str], report: list[Audited]) -> None:
    """Demand that what the snapshot knows is in the report: pip-audit drops records in silence.

    Raises:
        CouldNotRun: it is not.
    """
    told = {one.name for one in report if one.advisories}
    kept_back = sorted(
        name for name, at in pins.items() if snapshot.affecting(name, at) and name not in told
    )
    if kept_back:
        raise CouldNotRun(f"pip-audit tells nothing of {', '.join(kept_back)}; the snapshot does")


def _said(snapshot: Snapshot, age: int, *, found: bool) -> str:
    """Say what was asked and how old it is: nothing newer is known to it."""
    what = "the vulnerabilities" if found else "no vulnerability"
    return (
        f"{what} known to this snapshot (commit {snapshot.commit or 'unknown'}, newest record"
        f" {snapshot.newest.date().isoformat()}, {snapshot.records} records, {age} days old)"
    )


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
    same = canonicalize_version(one.version) == canonicalize_version(version)
    return "" if same else f"locked {version} but audited {one.version}"


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


def _require_advisories(context: Context) -> None:
    """Ask the live source for the canaries alone: a mirror may be an index without advisories.

    Raises:
        NotEvaluated: it can't be reached, or doesn't know what every such source knows.
    """
    canaries = _canaries(context)
    report, _ = audit(context.work, _versions(canaries), LIVE, canaries)
    if not all(outcome.ok for outcome in _canary_outcomes(canaries, report)):
        raise NotEvaluated("the live source knows no vulnerability of the canary")


def _versions(canaries: Mapping[str, tuple[str, Specimen]]) -> dict[str, str]:
    return {name: version for name, (version, _) in canaries.items()}


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
