"""What changed between two reports, and whether anything of it is worse. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from checks.reported.read import Report

# From the best to the worst; a control that gets further right got worse.
_ORDER = ("passed", "waived", "not_applicable", "not_evaluated", "could_not_run", "failed")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `worse` when the newer release is the weaker one by it."""

    about: str
    what: str
    worse: bool = False


def compare(old: Report, new: Report) -> list[Change]:
    """Return every difference that matters to a reader of both."""
    return [
        *_run(old, new),
        *_statuses("control", _by(old["controls"], "id"), _by(new["controls"], "id")),
        *_statuses("gate", _by(old["gates"], "name"), _by(new["gates"], "name")),
        *_findings(old, new),
        *_waivers(old, new),
        *_inventory(old, new),
        *_skipped(old, new),
        *_rules(old, new),
        *_tools(old, new),
    ]


def _run(old: Report, new: Report) -> Iterator[Change]:
    for name, rank in (("verdict", _ORDER), ("mode", ("strict", "degraded"))):
        if old[name] != new[name]:
            worse = rank.index(new[name]) > rank.index(old[name])
            yield Change("run", f"{name}: {old[name]} → {new[name]}", worse)
    if old["attested"] and not new["attested"]:
        yield Change("run", "it is not attested any more", worse=True)
    for name in ("system", "python", "lock_sha256"):
        if old["environment"][name] != new["environment"][name]:
            told = f"{old['environment'][name]} → {new['environment'][name]}"
            yield Change("run", f"{name}: {told}")
    for name in ("version", "commit"):
        if old["subject"][name] != new["subject"][name]:
            yield Change("run", f"{name}: {old['subject'][name]} → {new['subject'][name]}")
    if old["policy"]["sha256"] != new["policy"]["sha256"]:
        before, after = (one["policy"]["sha256"][:12] for one in (old, new))
        yield Change("run", f"policy: {before} → {after}")


def _statuses(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in (*old, *(one for one in new if one not in old)):
        before = old[name]["status"] if name in old else None
        after = new[name]["status"] if name in new else None
        if after is None:
            yield Change(kind, f"{name} is gone (was {before})", worse=True)
        elif before is None:
            yield Change(kind, f"{name} is new ({after})", after in {"failed", "could_not_run"})
        elif before != after:
            worse = _ORDER.index(after) > _ORDER.index(before)
            yield Change(kind, f"{name}: {before} → {after}", worse)


def _findings(old: Report, new: Report) -> Iterator[Change]:
    before, after = _open(old), _open(new)
    for print_ in sorted(after.keys() - before.keys()):
        yield Change("finding", f"new: {_told(after[print_])}", worse=True)
    for print_ in sorted(before.keys() - after.keys()):
        yield Change("finding", f"gone: {_told(before[print_])}")


def _waivers(old: Report, new: Report) -> Iterator[Change]:
    before, after = _waived(old), _waived(new)
    for print_ in sorted(after.keys() - before.keys()):
        yield Change("waiver", f"new: {_told(after[print_]['finding'])}", worse=True)
    for print_ in sorted(before.keys() - after.keys()):
        yield Change("waiver", f"gone: {_told(before[print_]['finding'])}")
    for print_ in sorted(before.keys() & after.keys()):
        was, now = before[print_]["waiver"], after[print_]["waiver"]
        if was != now:
            told = f"{_told(after[print_]['finding'])}: until {was['expires']} → {now['expires']}"
            yield Change("waiver", f"changed: {told}", now["expires"] > was["expires"])


def _inventory(old: Report, new: Report) -> Iterator[Change]:
    before, after = _by(old["inventory"], "unit"), _by(new["inventory"], "unit")
    for unit in (*before, *(one for one in after if one not in before)):
        had = set(before[unit]["names"]) if unit in before else set[str]()
        has = set(after[unit]["names"]) if unit in after else set[str]()
        if had == has:
            continue
        fewer = len(has) < len(had) and unit.startswith(("tests", "rules"))
        parts = [f"{len(had)} → {len(has)}", *_named("+", has - had), *_named("-", had - has)]
        yield Change("inventory", f"{unit}: {', '.join(parts)}", fewer)


def _skipped(old: Report, new: Report) -> Iterator[Change]:
    """What was looked at before and is skipped now is looked at by nobody: that is worse."""
    before, after = _skips(old), _skips(new)
    for where in sorted(after - before):
        yield Change("skipped", f"new: {' '.join(where)}", worse=True)
    for where in sorted(before - after):
        yield Change("skipped", f"gone: {' '.join(where)}")


def _skips(report: Report) -> set[tuple[str, str, str]]:
    return {
        (gate["name"], scope["unit"], name)
        for gate in report["gates"]
        for scope in gate["scopes"]
        for name in scope["skipped"]
    }


def _rules(old: Report, new: Report) -> Iterator[Change]:
    before, after = _by(old["rules"], "rule"), _by(new["rules"], "rule")
    for name in sorted(before.keys() & after.keys()):
        was, now = before[name], after[name]
        if _record(was) != _record(now):
            missed = now["bad"] - now["caught"] > was["bad"] - was["caught"]
            worse = missed or now["bitten"] > was["bitten"]
            worse = worse or now["bad"] < was["bad"] or now["good"] < was["good"]
            yield Change("specimens", f"{name}: {_record(was)} → {_record(now)}", worse)


def _record(rule: Mapping[str, Any]) -> str:
    return f"{rule['caught']} of {rule['bad']} caught, {rule['bitten']} of {rule['good']} bitten"


def _tools(old: Report, new: Report) -> Iterator[Change]:
    before, after = old["environment"]["tools"], new["environment"]["tools"]
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            told = f"{before.get(name, 'none')} → {after.get(name, 'none')}"
            yield Change("tool", f"{name}: {told}", name not in after)


def _by(entries: Iterable[Mapping[str, Any]], key: str) -> dict[str, Mapping[str, Any]]:
    return {str(one[key]): one for one in entries}


def _open(report: Report) -> dict[str, Mapping[str, Any]]:
    return {one["fingerprint"]: one for c in report["controls"] for one in c["findings"]}


def _waived(report: Report) -> dict[str, Mapping[str, Any]]:
    return {
        one["finding"]["fingerprint"]: one
        for control in report["controls"]
        for one in control["waived"]
    }


def _told(finding: Mapping[str, Any]) -> str:
    where = finding["location"]
    place = "" if where is None else f" {where['path']}:{where['line'] or ''}".rstrip(":")
    return f"{finding['rule']}{place} {finding['message']}"


def _named(sign: str, names: set[str]) -> list[str]:
    shown = [f"{sign}{name}" for name in sorted(names)[:_SHOWN]]
    more = len(names) - len(shown)
    return [*shown, *([f"and {sign}{more} more"] if more else [])]
