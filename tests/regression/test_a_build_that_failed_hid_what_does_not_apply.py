from __future__ import annotations

from typing import TYPE_CHECKING

from checks_support import DemoGate, make_context, make_project

from checks.kept import Shelf
from checks.model import CouldNotRun, NotApplicable, Status
from checks.runner import run_gate

if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn

    from checks.context import Context


class Needing(DemoGate):
    """A gate whose inputs are what was built, in a project that can't be built."""

    def inputs(self, context: Context) -> NoReturn:  # noqa: ARG002 - the contract of a gate
        raise CouldNotRun("the build failed")


def test_what_does_not_apply_says_so_though_the_build_fails(tmp_path: Path) -> None:
    def elsewhere(_: Context) -> NoReturn:
        raise NotApplicable("it is about another command")

    context = make_context(make_project(tmp_path / "project"), tmp_path / "work", own=False)
    gate = Needing(elsewhere)
    result = run_gate(gate, context, without_specimens=(), shelf=Shelf(tmp_path / "kept"))
    assert (result.status, result.reason) == (
        Status.NOT_APPLICABLE,
        "it is about another command",
    )


def test_what_needs_the_build_says_that_it_failed(tmp_path: Path) -> None:
    def needing(_: Context) -> NoReturn:
        raise CouldNotRun("the build failed")

    context = make_context(make_project(tmp_path / "project"), tmp_path / "work")
    shelf = Shelf(tmp_path / "kept")
    result = run_gate(Needing(needing), context, without_specimens=(), shelf=shelf)
    assert (result.status, result.reason) == (Status.COULD_NOT_RUN, "the build failed")
