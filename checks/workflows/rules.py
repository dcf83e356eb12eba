"""Rules of our own: what is pinned, what may write, and that the gates are really called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.model import Finding, Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checks.workflows.files import Job, Step, Workflow
    from checks.workflows.policy import Call, Demands

UNPINNED = "workflows.unpinned"
RIGHTS = "workflows.rights"
NOT_CALLED = "workflows.gates-not-called"

_PIN = re.compile(r"^[^@\s]+@[0-9a-f]{40}$")
_VERSION = re.compile(r"@[0-9a-f]{40}\s+#\s*v?\d")
_DOCKER = re.compile(r"^docker://\S+@sha256:[0-9a-f]{64}$")
_SOFT_KEYS = ("continue-on-error", "if")


def unpinned(workflow: Workflow) -> Iterator[Finding]:
    """Yield every action that is not pinned to a commit, or whose version is not said beside it."""
    for job, step in _all_steps(workflow):
        if not step.uses or step.uses.startswith("./"):
            continue
        line = workflow.line_of(step.uses)
        if not _PIN.match(step.uses) and not _DOCKER.match(step.uses):
            yield _finding(UNPINNED, workflow, line, f"{step.uses} is not pinned to a commit", job)
        elif not step.uses.startswith("docker:") and not _VERSION.search(workflow.lines[line - 1]):
            yield _finding(UNPINNED, workflow, line, f"{step.uses} says no version", job)


def rights(workflow: Workflow, demands: Demands) -> Iterator[Finding]:
    """Yield jobs with more rights than the policy gives them, or with rights that nobody named."""
    if workflow.is_action:
        return
    if demands.least and workflow.permissions != {}:
        text = "permissions: {} must stand at the top: each job names its own rights"
        yield _finding(RIGHTS, workflow, workflow.line_of("permissions:"), text, None)
    given = {(one.file, one.job, one.right) for one in demands.writes}
    for job in workflow.jobs:
        line = workflow.line_of(f"{job.name}:")
        if demands.least and not isinstance(job.permissions, dict):
            yield _finding(
                RIGHTS, workflow, line, f"job {job.name} names no rights of its own", job
            )
        for right in _more_than_reading(job.permissions if demands.least else {}):
            if (workflow.path, job.name, right) not in given:
                text = f"job {job.name} has the right {right}, which no policy gives it"
                yield _finding(RIGHTS, workflow, line, text, job)


def unused_writes(workflows: Iterable[Workflow], demands: Demands) -> Iterator[Finding]:
    """Yield rights of the policy that no job has: a policy holds no dead entries."""
    had = {
        (one.path, job.name, right)
        for one in workflows
        for job in one.jobs
        for right in _more_than_reading(job.permissions)
    }
    for write in demands.writes:
        if (write.file, write.job, write.right) not in had:
            text = f"the policy gives {write.job} the right {write.right}, which it does not have"
            yield Finding(RIGHTS, text, Location(write.file), snippet=text, context=write.job)


def not_called(workflows: Iterable[Workflow], call: Call) -> Iterator[Finding]:
    """Yield why a workflow does not, or not surely, run a command that it must."""
    workflow = next((one for one in workflows if one.path == call.file), None)
    if workflow is None:
        text = f"there is no {call.file} that runs {call.command}"
        yield Finding(NOT_CALLED, text, snippet=call.command, context=call.file)
        return
    for trigger in call.on:
        if why := _not_triggered(workflow, trigger):
            yield _finding(NOT_CALLED, workflow, 1, f"{call.command}: {why}", None)
    doing = [
        (job, step) for job, step in _all_steps(workflow) if call.command in _commands(step.run)
    ]
    if not doing:
        text = f"nothing runs {call.command}, whole and by itself"
        yield _finding(NOT_CALLED, workflow, 1, text, None)
        return
    soft = [reason for job, step in doing if (reason := _softened(job, step))]
    if len(soft) == len(doing):
        line = workflow.line_of(call.command)
        yield _finding(NOT_CALLED, workflow, line, f"{call.command}: {soft[0]}", doing[0][0])
    if call.before and not any(_comes_before(workflow, job, call.before) for job, _ in doing):
        text = f"{call.before} does not wait for {call.command}"
        yield _finding(NOT_CALLED, workflow, workflow.line_of(f"{call.before}:"), text, None)


def _not_triggered(workflow: Workflow, trigger: str) -> str:
    if trigger not in workflow.triggers:
        return f"it does not run on {trigger}"
    events = workflow.raw["on"]
    detail = events.get(trigger) if isinstance(events, dict) else None
    narrowed = sorted(set(detail or ()) & {"paths", "paths-ignore", "branches-ignore"})
    return f"{trigger} is narrowed by {', '.join(narrowed)}" if narrowed else ""


def _softened(job: Job, step: Step) -> str:
    """Say by what a failure of this step would not count, or the step would not run."""
    for where, node in (("its job", job.raw), ("its step", step.raw)):
        for key in _SOFT_KEYS:
            if key in node and node[key] != "false":
                return f"{where} has {key}: {node[key]}"
    if "shell" in step.raw and "-e" not in str(step.raw["shell"]):
        return f"its shell {step.raw['shell']} may go on after a failure"
    return ""


def _commands(run: str) -> list[str]:
    """Return the lines of a script that are a command by themselves, until errors are let pass."""
    lines: list[str] = []
    for line in run.replace("\\\n", " ").splitlines():
        bare = " ".join(line.split(" #")[0].split())
        if bare.startswith("set +e"):
            break
        lines.append(bare)
    return lines


def _comes_before(workflow: Workflow, job: Job, later: str) -> bool:
    """Tell whether the job `later` needs this one, through others perhaps, and has no `if`."""
    jobs = {one.name: one for one in workflow.jobs}
    todo, seen = [later], set[str]()
    while todo:
        one = jobs.get(todo.pop())
        if one is None or one.name in seen or "always()" in str(one.raw.get("if", "")):
            continue
        seen.add(one.name)
        if job.name in one.needs:
            return True
        todo += one.needs
    return job.name == later


def _more_than_reading(permissions: object) -> list[str]:
    if isinstance(permissions, str):
        return [permissions] if permissions != "read-all" else []
    table = permissions if isinstance(permissions, dict) else {}
    return sorted(str(name) for name, level in table.items() if level not in {"read", "none"})


def _all_steps(workflow: Workflow) -> Iterator[tuple[Job, Step]]:
    for job in workflow.jobs:
        for step in job.steps:
            yield job, step


def _finding(rule: str, workflow: Workflow, line: int, text: str, job: Job | None) -> Finding:
    return Finding(
        rule,
        text,
        Location(workflow.path, line),
        snippet=workflow.lines[line - 1].strip() if workflow.lines else "",
        context=f"{job.name if job else ''} {text}".strip(),
    )
