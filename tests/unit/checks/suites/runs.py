"""Evidence of runs that never were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from checks.gates.suites import SuitesGate
from checks.runner import run_gate
from checks.suites.evidence import SCHEMA, Ended, Evidence, Options, Tree
from checks.suites.policy import SuitesPolicy, make_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checks.context import Context
    from checks.model import GateResult, SpecimenOutcome

WHOLE = Options(paths=("tests",), testpaths=("tests",), xfail_strict=True, warnings_are_errors=True)


def run(tests: Mapping[str, str], tree: str = "t", **changes: object) -> Evidence:
    """A whole run in which these tests ended so."""
    made = Evidence(
        schema=SCHEMA,
        python="3.12.1",
        platform="linux",
        tools={"pytest": "9"},
        tree=Tree(None, None, tree, tree),
        options=WHOLE,
        collected=tuple(tests),
        dropped=(),
        lenient=(),
        broken=(),
        tests={name: Ended(outcome) for name, outcome in tests.items()},
        started="2026-11-25T06:00:00+00:00",
        duration=1.0,
        exit_status=0,
    )
    return msgspec.structs.replace(made, **changes)


def demands(excused: tuple[Mapping[str, object], ...] = (), /, **least: int) -> SuitesPolicy:
    return make_policy({"schema": 1, "least": least or {"unit": 1}, "excused": [*excused]})


class WithoutSpecimens(SuitesGate):
    """The gate as it judges a project; its specimens are tried elsewhere."""

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        del context
        return ()


def judged(context: Context) -> GateResult:
    """The runner's result of the gate."""
    gate = WithoutSpecimens()
    return run_gate(gate, context, without_specimens=gate.rules)
