"""The gate `workflows`: what CI runs is pinned, has few rights, and really calls the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checks.kept import digest_files, digest_texts
from checks.model import Finding, GateOutput, NotApplicable, Scope
from checks.specimens import digest, discover
from checks.toxfiles.read import FILES as TOX_FILES
from checks.workflows.files import all_files, read_workflow
from checks.workflows.policy import FILE, Demands, read_demands
from checks.workflows.rules import NOT_CALLED, RIGHTS, UNPINNED, not_called, rights, unpinned
from checks.workflows.rules import unused_writes as unused
from checks.workflows.tox import TOX, tox_ignores
from checks.workflows.zizmor import AUDIT, audit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome
    from checks.workflows.files import Workflow


class WorkflowsGate:
    """Let zizmor audit all workflow and action files, and apply rules of our own."""

    name = "workflows"
    title = "CI is pinned, has few rights, and calls the gates and all suites"
    rules: tuple[str, ...] = (AUDIT, UNPINNED, RIGHTS, NOT_CALLED, TOX)

    def inputs(self, context: Context) -> str:
        """Digest all that is read."""
        files = digest_files(context.project, {*all_files(context.project), *TOX_FILES})
        return digest_texts([files, digest(context.settings_file(FILE))])

    def check(self, context: Context) -> GateOutput:
        """Judge the project's workflows.

        Raises:
            NotApplicable: there are none.
            CouldNotRun: one can't be read.
        """
        files = all_files(context.project)
        demands = read_demands(context.settings_file(FILE))
        if not files:
            raise NotApplicable("the project has no GitHub workflows")
        answer = audit(context.project, sorted(files))
        workflows = [read_workflow(context.project, one) for one in sorted(files)]
        read = frozenset(one.path for one in workflows)
        return GateOutput(
            (Scope("workflow files", files, read & answer.completed),),
            findings=(*answer.findings, *_own(context.project, workflows, demands)),
            tools=(answer.run,),
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's folder as a project, by the policy in it."""
        return tuple(
            one.outcome(fired=one.rule in {found.rule for found in _judge_folder(one.path)})
            for one in discover(context.policies, self.name)
        )


def _own(project: Path, workflows: Sequence[Workflow], demands: Demands) -> Iterator[Finding]:
    for one in workflows:
        yield from unpinned(one)
        yield from rights(one, demands)
    yield from unused(workflows, demands)
    for call in demands.call:
        yield from not_called(workflows, call)
    yield from tox_ignores(project)


def _judge_folder(folder: Path) -> list[Finding]:
    files = sorted(all_files(folder))
    workflows = [read_workflow(folder, one) for one in files]
    found = _own(folder, workflows, read_demands(folder / FILE))
    return [*(audit(folder, files).findings if files else ()), *found]
