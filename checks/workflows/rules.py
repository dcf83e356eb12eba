"""Rules of our own: what is pinned, what may write, and that the gates are really called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from checks.model import Finding, Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from checks.workflows.files import Job, Step, Workflow
    from checks.workflows.policy import Call, Demands

UNPINNED = "workflows.unpinned"
RIGHTS = "workflows.rights"
NOT_CALLED = "workflows.gates-not-called"

_PIN = re.compile(r"^[^@\s]+@[0-9a-f]{40}$")
_VERSION = re.compile(r"@[0-9a-f]{40}\s+#\s*v?\d")
_DOCKER = re.compile(r"^docker://\S+@sha256:[0-9a-f]{64}$")
_SOFT_KEYS = ("continue-on-error", "if")
_SHELLS = frozenset({"bash", "sh"})  # GitHub runs both with -e
_STEERING = ("TOX_", "PYTEST_", "PIP_")


def unpinned(workflow: Workflow) -> Iterator[Finding]:
    """Yield every action that is not pinned to a commit, or whose version is not said beside it."""
    last: dict[str, int] = {}
    for job, step in _all_steps(workflow):
        if not step.uses or step.uses.startswith("./"):
            continue
        line = workflow.line_of(step.uses, last.get(step.uses, 0) + 1)
        last[step.uses] = line
        if not _PIN.match(step.uses) and not _DOCKER.match(step.uses):
            yield _finding(UNPINNED, workflow, line, f"{step.uses} is not pinned to a commit", job)
        elif not step.uses.startswith("docker:") and not _VERSION.search(workflow.lines[line - 1]):
            yield _finding(UNPINNED, workflow, line, f"{step.uses} says no version", job)


def rights(workflow: Workflow, demands: Demands) -> Iterator[Finding]:
    """Yield jobs with more rights than the policy gives them, or with rights that nobody named."""
    if workflow.is_action:
        return
    if demands.least_rights and workflow.permissions != {}:
        text = "permissions: {} must stand at the top: each job names its own rights"
        yield _finding(RIGHTS, workflow, workflow.line_of("permissions:"), text, None)
    given = {(one.file, one.job, one.right) for one in demands.write}
    for job in workflow.jobs:
        line = workflow.line_of(f"{job.name}:")
        if demands.least_rights and not isinstance(job.permissions, dict):
            yield _finding(
                RIGHTS, workflow, line, f"job {job.name} names no rights of its own", job
            )
        for right in _more_than_reading(job.permissions if demands.least_rights else {}):
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
    for write in demands.write:
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
    doing = [(job, step) for job, step in _all_steps(workflow) if _does(step.run, call.command)]
    if not doing:
        text = f"nothing runs {call.command}, whole and alone in its step"
        yield _finding(NOT_CALLED, workflow, 1, text, None)
        return
    reasons = [_unsure(workflow, job, step, call) for job, step in doing]
    if all(reasons):
        line = workflow.line_of(call.command)
        yield _finding(NOT_CALLED, workflow, line, f"{call.command}: {reasons[0]}", doing[0][0])


def _unsure(workflow: Workflow, job: Job, step: Step, call: Call) -> str:
    """Say why this step may not run, its failure not count, or what comes after not wait for it."""
    jobs = {one.name: one for one in workflow.jobs}
    for needed in _needed(jobs, job.name):
        if reason := _conditional(jobs[needed].raw):
            return f"it waits for {needed}, which has {reason}"
    if reason := _softened(workflow, job, step):
        return reason
    if not call.before:
        return ""
    chain = _needed(jobs, call.before)
    if job.name not in chain:
        return f"{call.before} does not wait for it"
    links = [call.before, *(one for one in chain if job.name in _needed(jobs, one))]
    broken = [(one, why) for one in links if (why := _conditional(jobs[one].raw))]
    return f"{broken[0][0]} has {broken[0][1]}" if broken else ""


def _needed(jobs: Mapping[str, Job], name: str) -> list[str]:
    """Return all jobs that one waits for, through others too."""
    found: list[str] = []
    todo = [name]
    while todo:
        job = jobs.get(todo.pop())
        new = [one for one in (job.needs if job else ()) if one in jobs and one not in found]
        found += new
        todo += new
    return found


def _not_triggered(workflow: Workflow, trigger: str) -> str:
    if trigger not in workflow.triggers:
        return f"it does not run on {trigger}"
    events = workflow.raw["on"]
    detail = events.get(trigger) if isinstance(events, dict) else None
    narrowed = sorted(set(detail or ()) & {"paths", "paths-ignore", "branches-ignore"})
    return f"{trigger} is narrowed by {', '.join(narrowed)}" if narrowed else ""


def _softened(workflow: Workflow, job: Job, step: Step) -> str:
    """Say by what a failure of this step would not count, or it would do something else."""
    for where, node in (("its job", job.raw), ("its step", step.raw)):
        if reason := _conditional(node):
            return f"{where} has {reason}"
    for node in (workflow.raw, job.raw, step.raw):
        if "defaults" in node or "working-directory" in node:
            return "its shell or folder is set elsewhere"
        env = node.get("env")
        for name in env if isinstance(env, dict) else ():
            if str(name).startswith(_STEERING):
                return f"{name} steers what it does"
    shell = str(step.raw.get("shell", "bash"))
    if shell not in _SHELLS and "-e" not in shell:
        return f"its shell {shell} may go on after a failure"
    return ""


def _conditional(node: Mapping[str, object]) -> str:
    """Return what in a job or a step makes it run, or count, only sometimes."""
    found = [f"{key}: {node[key]}" for key in _SOFT_KEYS if node.get(key, "false") != "false"]
    never = ["if: false"] if node.get("if") == "false" else []
    return (found + never)[0] if found + never else ""


def _does(run: str, command: str) -> bool:
    """Tell whether a script is this one command and nothing else, which could soften it."""
    lines = [
        " ".join(line.split(" #")[0].split()) for line in run.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line and not line.startswith("#")] == [command]


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
