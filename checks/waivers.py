"""Waivers: exceptions that two people answer for, with an end. Read from policies/waivers.toml."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from checks.policyfile import PolicyError, read_toml

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_SCHEMA = 1
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Waiver:
    """One finding, known by its fingerprint, that a release may carry until `expires`."""

    rule: str
    fingerprint: str
    owner: str
    approver: str
    reason: str
    compensating_control: str
    created: dt.date
    expires: dt.date


def load_waivers(path: Path, rules: Collection[str]) -> tuple[Waiver, ...]:
    """Read a file of waivers; a missing one is an error, an empty list is not.

    Raises:
        PolicyError: with every problem at once.
    """
    data = read_toml(path)
    problems = [f"waivers.toml: unknown key {k}" for k in sorted(set(data) - {"schema", "waiver"})]
    if data.get("schema") != _SCHEMA:
        problems.append(f"waivers.toml: schema must be {_SCHEMA}")
    raw = data.get("waiver", [])
    waivers: list[Waiver] = []
    for number, entry in enumerate(raw if isinstance(raw, list) else [raw], start=1):
        wrong = _problems(f"waiver {number}", entry, rules)
        problems += wrong
        if not wrong and isinstance(entry, dict):
            waivers.append(Waiver(**entry))
    prints = [one.fingerprint for one in waivers]
    problems += [
        f"{p[:12]} is waived twice" for p in sorted({p for p in prints if prints.count(p) > 1})
    ]
    if problems:
        raise PolicyError("; ".join(problems))
    return tuple(waivers)


def _problems(label: str, entry: object, rules: Collection[str]) -> list[str]:
    if not isinstance(entry, dict):
        return [f"{label} is not a table"]
    known = {one.name for one in fields(Waiver)}
    problems = [f"{label}: unknown key {key}" for key in sorted(set(entry) - known)]
    for name in sorted(known):
        value = entry.get(name)
        if name in {"created", "expires"}:
            if type(value) is not dt.date:
                problems.append(f"{label}: {name} must be a date")
        elif not isinstance(value, str) or not value.strip():
            problems.append(f"{label}: {name} is missing")
    return problems or _contradictions(label, entry, rules)


def _contradictions(label: str, entry: dict[str, object], rules: Collection[str]) -> list[str]:
    problems = []
    if str(entry["owner"]).strip().casefold() == str(entry["approver"]).strip().casefold():
        problems.append(f"{label}: the approver must be another than the owner")
    if not _FINGERPRINT.fullmatch(str(entry["fingerprint"])):
        problems.append(f"{label}: fingerprint is a SHA-256 in small hex digits")
    if entry["rule"] not in rules:
        problems.append(f"{label}: no gate has the rule {entry['rule']}")
    if str(entry["expires"]) <= str(entry["created"]):  # ISO dates sort as text
        problems.append(f"{label}: it expires before it was created")
    return problems
