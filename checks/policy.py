"""What is enforced, read from policies/release.toml: refused as a whole when any of it is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from checks.frameworks import Framework, load_frameworks, map_problems
from checks.policyfile import PolicyError, read_toml, unknown_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FINDINGS = ("critical-1", "critical-2", "critical-3", "high-1", "high-2", "high-3", "medium-1")
CRITERIA = (1, 2, 3, 4, 5, 6)
SEVERITIES = ("critical", "high", "medium", "low")
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Control:
    """One promise of a release: what must hold, why, and which rules of which gates prove it.

    `finding` and `exit_criterion` are the assessment's findings and criteria that it closes; `maps`
    names, for a framework of frameworks.toml, the items that it supports evidence for.
    """

    id: str
    title: str
    objective: str
    rationale: str
    severity: str
    owner: str
    finding: tuple[str, ...]
    exit_criterion: tuple[int, ...]
    gates: tuple[str, ...]
    rules: tuple[str, ...]
    remediation: str
    maps: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Policy:
    """All controls, and the rules that can have no specimen, each with the reason.

    `uri` names this policy in statements about what was judged by it.
    """

    controls: tuple[Control, ...]
    without_specimens: dict[str, str]
    uri: str = ""
    frameworks: dict[str, Framework] = field(default_factory=dict)

    def controls_of(self, rule: str) -> tuple[Control, ...]:
        """Return the controls that a rule proves."""
        return tuple(control for control in self.controls if rule in control.rules)


def load_policy(policies: Path, gates: Mapping[str, Iterable[str]]) -> Policy:
    """Read release.toml and hold it against `gates`, which maps each gate to its rules.

    Raises:
        PolicyError: with every problem at once.
    """
    data = read_toml(policies / "release.toml")
    known = {"schema", "uri", "control", "without_specimens"}
    problems = unknown_keys("release.toml", data, known)
    uri = data.get("uri")
    if data.get("schema") != _SCHEMA:
        problems.append(f"release.toml: schema must be {_SCHEMA}")
    if not isinstance(uri, str) or not uri:
        problems.append("release.toml: uri is missing")
    controls, errors = _controls(data.get("control"))
    exempt = data.get("without_specimens", {})
    if not isinstance(exempt, dict) or not all(isinstance(r, str) and r for r in exempt.values()):
        errors.append("release.toml: without_specimens maps a rule to the reason")
        exempt = {}
    policy = Policy(
        tuple(controls),
        {str(rule): str(why) for rule, why in exempt.items()},
        str(uri),
        load_frameworks(policies),
    )
    problems += [*errors, *_against_gates(policy, {g: set(r) for g, r in gates.items()})]
    problems += _against_assessment(policy)
    for control in controls:
        problems += map_problems(f"control {control.id}", control.maps, policy.frameworks)
    if problems:
        raise PolicyError("; ".join(problems))
    return policy


def _controls(raw: object) -> tuple[list[Control], list[str]]:
    controls: list[Control] = []
    problems: list[str] = []
    for entry in raw if isinstance(raw, list) else []:
        label = f"control {entry.get('id', '?')}" if isinstance(entry, dict) else "control"
        wrong = _control_problems(label, entry)
        problems += wrong
        if not wrong:
            # Any: the shape was checked just above, which no type can say of parsed TOML.
            values: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()
            }
            values["maps"] = {k: tuple(v) for k, v in entry.get("maps", {}).items()}
            controls.append(Control(**values))
    ids = [control.id for control in controls]
    problems += [
        f"control {one} is there twice" for one in sorted({i for i in ids if ids.count(i) > 1})
    ]
    return controls, problems


def _control_problems(label: str, entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return [f"{label} is not a table"]
    lists = {"finding": str, "exit_criterion": int, "gates": str, "rules": str}
    known = {one.name for one in fields(Control)}
    problems = [*unknown_keys(label, entry, known), *_maps_problems(label, entry)]
    for name in sorted(known - {"maps"}):
        value = entry.get(name)
        if name in lists:
            if not isinstance(value, list) or not all(type(v) is lists[name] for v in value):
                problems.append(f"{label}: {name} must be a list of {lists[name].__name__}")
        elif not isinstance(value, str) or not value.strip():
            problems.append(f"{label}: {name} is missing")
    return problems


def _maps_problems(label: str, entry: Mapping[str, object]) -> list[str]:
    maps = entry.get("maps", {})
    sound = isinstance(maps, dict) and all(
        isinstance(items, list) and all(isinstance(one, str) for one in items)
        for items in maps.values()
    )
    return [] if sound else [f"{label}: maps has a list of items for each framework"]


def _against_gates(policy: Policy, gates: Mapping[str, set[str]]) -> list[str]:
    every = set().union(*gates.values()) if gates else set()
    problems = []
    for control in policy.controls:
        label = f"control {control.id}"
        problems += [
            f"{label}: no gate is named {one}" for one in control.gates if one not in gates
        ]
        offered = set().union(*(gates.get(one, set()) for one in control.gates))
        problems += [
            f"{label}: none of its gates has the rule {r}"
            for r in control.rules
            if r not in offered
        ]
        problems += [
            f"{label}: no rule of it belongs to its gate {one}"
            for one in control.gates
            if one in gates and not gates[one] & set(control.rules)
        ]
        if not control.gates or not control.rules:
            problems.append(f"{label}: has no gates or no rules")
    claimed = {rule for control in policy.controls for rule in control.rules}
    problems += [f"the rule {rule} belongs to no control" for rule in sorted(every - claimed)]
    unknown = sorted(set(policy.without_specimens) - every)
    return problems + [f"without_specimens: no gate has the rule {rule}" for rule in unknown]


def _against_assessment(policy: Policy) -> list[str]:
    found = {one for control in policy.controls for one in control.finding}
    met = {one for control in policy.controls for one in control.exit_criterion}
    problems = [f"no control closes the finding {one}" for one in FINDINGS if one not in found]
    problems += [f"no control meets the exit criterion {one}" for one in CRITERIA if one not in met]
    problems += [f"there is no finding {one}" for one in sorted(found - set(FINDINGS))]
    problems += [f"there is no exit criterion {one}" for one in sorted(met - set(CRITERIA))]
    return problems + [
        f"control {control.id}: severity is one of {', '.join(SEVERITIES)}"
        for control in policy.controls
        if control.severity not in SEVERITIES
    ]
