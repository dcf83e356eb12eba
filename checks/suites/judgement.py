"""What is wrong with a run of the suites, by its evidence. Pure functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from checks.model import Finding, Location
from checks.suites import evidence as ev
from checks.suites.narrowing import lenience, narrowings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checks.suites.evidence import Ended, Evidence
    from checks.suites.policy import SuitesPolicy

MISSING = "suites.missing"
TOO_FEW = "suites.too-few"
FAILED = "suites.failed"
SKIPPED = "suites.skipped"
NOT_EXECUTED = "suites.not-executed"
NARROWED = "suites.narrowed"
LENIENT = "suites.lenient"
RULES = (MISSING, TOO_FEW, FAILED, SKIPPED, NOT_EXECUTED, NARROWED, LENIENT)

_RAN = frozenset({ev.PASSED, ev.FAILED, ev.ERROR, ev.XPASSED, ev.XFAILED})
_BAD = {
    ev.FAILED: "failed",
    ev.ERROR: "failed before or after its body",
    ev.XPASSED: "passed, though it is marked as a failure",
}


def judge(evidence: Evidence, policy: SuitesPolicy, files: Iterable[str]) -> Iterator[Finding]:
    """Yield all that is wrong with a run; `files` are the test files that the project has."""
    for finding in (
        *_options(evidence),
        *_counts(evidence, policy),
        *_outcomes(evidence, policy),
        *_session(evidence),
        *_left(evidence, policy, frozenset(files)),
    ):
        yield _on(finding, evidence.python)


def ran(evidence: Evidence) -> frozenset[str]:
    """Return the tests whose body or fixtures were run, however it ended."""
    return frozenset(name for name, one in evidence.tests.items() if one.outcome in _RAN)


def excused(evidence: Evidence, policy: SuitesPolicy) -> dict[str, str]:
    """Return the tests that the policy allows to be skipped here, with its reasons."""
    found = {
        name: policy.excuse(name, one, evidence.platform)
        for name, one in evidence.tests.items()
        if one.outcome == ev.SKIPPED
    }
    return {name: one.reason for name, one in found.items() if one is not None}


def counts(evidence: Evidence, policy: SuitesPolicy) -> Counter[str]:
    """Return how many tests of each suite ran."""
    return Counter(policy.suite_of(name) for name in ran(evidence))


def test_files(names: Iterable[str], root: str) -> frozenset[str]:
    """Return those of the project's files that pytest takes for tests by their names."""
    return frozenset(
        name
        for name in names
        if name.startswith(f"{root}/") and _is_test_file(name.rpartition("/")[2])
    )


def files_of(tests: Iterable[str]) -> frozenset[str]:
    """Return the files that tests are in."""
    return frozenset(name.partition("::")[0] for name in tests)


def _is_test_file(name: str) -> bool:
    return name.endswith("_test.py") or (name.startswith("test_") and name.endswith(".py"))


def _options(evidence: Evidence) -> Iterator[Finding]:
    for what in narrowings(evidence.options):
        yield Finding(NARROWED, f"the run was narrowed: {what}", snippet=what)
    for what in lenience(evidence.options):
        yield Finding(LENIENT, what, snippet=what)
    for name in evidence.lenient:
        yield _of_test(LENIENT, name, "is marked as a failure that may pass (strict=False)")
    for name in evidence.dropped:
        yield _of_test(NARROWED, name, "was found and then taken out of the run")


def _counts(evidence: Evidence, policy: SuitesPolicy) -> Iterator[Finding]:
    found = counts(evidence, policy)
    for suite, least in policy.least.items():
        if not found[suite]:
            yield Finding(MISSING, f"no test of the suite {suite} ran", context=suite)
        elif found[suite] < least:
            message = f"{found[suite]} tests of the suite {suite} ran; there were at least {least}"
            yield Finding(TOO_FEW, message, context=suite, snippet=f"fewer than {least}")
    for suite in sorted(found.keys() - policy.least.keys()):
        message = f"{suite} has tests, but the policy records no number of them"
        yield Finding(MISSING, message, context=suite)


def _outcomes(evidence: Evidence, policy: SuitesPolicy) -> Iterator[Finding]:
    for name, ended in evidence.tests.items():
        if ended.outcome in _BAD:
            yield _of_test(FAILED, name, _BAD[ended.outcome])
        elif ended.outcome != ev.PASSED and _unexcused(name, ended, evidence, policy):
            why = f"{ended.outcome}, which the policy does not allow: {ended.reason or 'no reason'}"
            yield _of_test(SKIPPED, name, why)


def _unexcused(name: str, ended: Ended, evidence: Evidence, policy: SuitesPolicy) -> bool:
    return policy.excuse(name, ended, evidence.platform) is None


def _session(evidence: Evidence) -> Iterator[Finding]:
    for what in evidence.broken:
        yield Finding(FAILED, f"could not be collected, or was lost: {what}", snippet=what)
    if evidence.exit_status != 0:
        what = f"pytest ended with status {evidence.exit_status}"
        yield Finding(FAILED, what, snippet=what)


def _left(evidence: Evidence, policy: SuitesPolicy, files: frozenset[str]) -> Iterator[Finding]:
    """Yield what was found and not run; a test file without any test that was found is like one."""
    apart = policy.elsewhere(files)
    for suite in sorted({one.suite for one in policy.apart} - set(map(policy.suite_of, apart))):
        yield Finding(MISSING, f"the suite {suite}, which runs apart, has no test", context=suite)
    taken_out = frozenset(evidence.dropped)
    for name in evidence.collected:
        if name not in evidence.tests and name not in taken_out:
            yield _of_test(NOT_EXECUTED, name, "was collected but never ran")
    for file in sorted(files - apart.keys() - files_of(evidence.collected)):
        yield _of_test(NOT_EXECUTED, file, "is a test file of which no test was collected")


def _of_test(rule: str, test: str, what: str) -> Finding:
    place = Location(test.partition("::")[0])
    return Finding(rule, f"{test} {what}", place, snippet=test, context=test.partition("::")[2])


def _on(finding: Finding, python: str) -> Finding:
    """Say on which Python it was, without it the fingerprint stays the same."""
    message = f"{finding.message} (Python {python})"
    return Finding(
        finding.rule,
        message,
        finding.location,
        finding.snippet or finding.message,
        finding.context,
        "scripts/test shows it again",
    )
