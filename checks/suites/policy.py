"""What the suites have to show, read from policies/suites.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from checks.policyfile import Text, convert, read_toml, refuse
from checks.suites.evidence import SKIPPED, XFAILED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checks.suites.evidence import Ended

FILE = "suites.toml"


class Excuse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A test that may be skipped, or may fail as expected, on some platforms, and why.

    `test` is a node id, or what comes before ``::`` or ``[`` in several; `said` the reason that the
    test itself gives; `reason` why that may be.
    """

    test: str
    outcome: str
    platforms: tuple[str, ...]
    said: str
    reason: str

    def covers(self, test: str, ended: Ended, platform: str) -> bool:
        """Tell whether this is the test, platform, outcome and reason it was made for."""
        return (
            (test == self.test or test.startswith((f"{self.test}::", f"{self.test}[")))
            and platform in self.platforms
            and (ended.outcome, ended.reason) == (self.outcome, self.said)
        )


class Apart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A suite that the run of the others leaves out, the command that runs it, and why."""

    suite: Text
    command: Text
    reason: Text


class SuitesPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The least number of tests of each suite, which is a folder below `root`; exceptions."""

    schema: int
    least: dict[str, int]
    root: str = "tests"
    excused: tuple[Excuse, ...] = ()
    apart: tuple[Apart, ...] = ()

    def suite_of(self, test: str) -> str:
        """Return the suite of a node id or a path; one that lies elsewhere is named by its path."""
        inside = test.removeprefix(f"{self.root}/")
        head, slash, _ = inside.partition("/")
        return head if slash and inside != test else test.partition("::")[0]

    def excuse(self, test: str, ended: Ended, platform: str) -> Excuse | None:
        """Return the excuse that covers an outcome."""
        return next((one for one in self.excused if one.covers(test, ended, platform)), None)

    def elsewhere(self, files: Iterable[str]) -> dict[str, str]:
        """Return the test files of the suites that run apart, and what is to be said of each."""
        told = {one.suite: f"run apart by {one.command}: {one.reason}" for one in self.apart}
        return {name: told[suite] for name in files if (suite := self.suite_of(name)) in told}


def read_policy(path: Path) -> SuitesPolicy:
    """Return the demands.

    Raises:
        PolicyError: the file is missing or malformed, demands nothing, or excuses without a reason.
    """
    return make_policy(read_toml(path))


def make_policy(table: object) -> SuitesPolicy:
    """Return the demands that a table makes.

    Raises:
        PolicyError: it makes none, or not in the form that they have.
    """
    policy = convert(FILE, table, SuitesPolicy)
    problems = [f"{name} needs at least one test" for name, n in policy.least.items() if n < 1]
    problems += [] if policy.least else ["it names no suite"]
    both = sorted(policy.least.keys() & {one.suite for one in policy.apart})
    problems += [f"{name} can't be counted and run apart" for name in both]
    problems += [f"schema {policy.schema} is unknown"] if policy.schema != 1 else []
    for one in policy.excused:
        if one.outcome not in {SKIPPED, XFAILED}:
            problems.append(f"{one.test}: {one.outcome} can't be excused")
        if not all((one.test, one.platforms, one.said.strip(), one.reason.strip())):
            problems.append(
                f"{one.test or 'an excuse'}: the test, platforms and reasons are needed"
            )
    refuse(FILE, problems)
    return policy
