"""Which mutants the tests have to notice, read from policies/mutation.toml and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from checks.model import CouldNotRun
from checks.policyfile import PolicyError, read_policy, refuse
from checks.suites.mutants import mutants

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from checks.suites.mutants import Mutant

FILE = "mutation.toml"


class Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A module on which security rests, and the tests that must notice a fault in it."""

    path: str
    tests: tuple[str, ...]


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mutant that behaves as the original does, and why no test could tell."""

    path: str
    mutant: str
    reason: str


class MutationPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many mutants of each module are drawn, and which share of them must be noticed.

    `cpu` and `wall` bound one run of a module's tests, in seconds; `options` are further ones for
    pytest.
    """

    schema: int
    seed: int
    sample: int
    threshold: float
    cpu: int
    wall: int
    module: tuple[Module, ...]
    options: tuple[str, ...] = ()
    equivalent: tuple[Equivalent, ...] = ()


@dataclass(frozen=True, slots=True)
class Draw:
    """The mutants drawn of one module, those left out with the reason, and how many there are."""

    module: Module
    chosen: tuple[Mutant, ...]
    left_out: Mapping[str, str]
    total: int


def read_mutation(path: Path) -> MutationPolicy:
    """Return the demands.

    Raises:
        PolicyError: the file is missing or malformed, or would be content with nothing.
    """
    policy = read_policy(path, MutationPolicy)
    problems = [] if policy.schema == 1 else [f"schema {policy.schema} is unknown"]
    problems += [] if policy.module else ["it names no module"]
    problems += [f"{one.path} names no tests" for one in policy.module if not one.tests]
    problems += [f"{one.mutant}: no reason" for one in policy.equivalent if not one.reason.strip()]
    if min(policy.sample, policy.cpu, policy.wall) < 1 or not 0 < policy.threshold <= 1:
        problems.append("sample, cpu and wall are at least 1, threshold is above 0 and at most 1")
    refuse(FILE, problems)
    return policy


def draw(policy: MutationPolicy, module: Module, text: str) -> Draw:
    """Draw some mutants of a module, the same ones while they and the seed are the same.

    Raises:
        PolicyError: an equivalent mutant is named that there is not.
        CouldNotRun: the module can't be parsed, or has nothing to change.
    """
    try:
        every = mutants(text)
    except SyntaxError as error:
        raise CouldNotRun(f"{module.path} can't be parsed: {error.msg}") from error
    named = {one.mutant: one.reason for one in policy.equivalent if one.path == module.path}
    if unknown := sorted(named.keys() - {one.name for one in every}):
        raise PolicyError(f"{FILE}: {module.path} has no mutant {unknown[0]!r}: remove it")
    left = [one for one in every if one.name not in named]
    if not left:
        raise CouldNotRun(f"{module.path} has nothing that could be changed")
    chosen = sorted(left, key=lambda one: one.rank(policy.seed))[: policy.sample]
    return Draw(module, tuple(chosen), named, len(every))
