"""Workflow files and composite actions, read as data; each job's steps, permissions and calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from checks.inventory import workflow_files
from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_ACTIONS = ".github/actions"
_ACTION = "action.y*ml"
# Every scalar stays text: with any other loader the key `on` is the boolean true.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

Node = dict[str, Any]  # Any: a foreign document, looked at where it is read


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job: what it runs or uses, and all else that is written there."""

    run: str
    uses: str
    raw: Mapping[str, Any]  # Any: the same


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `permissions` is None when it names none."""

    name: str
    permissions: object
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    raw: Mapping[str, Any]  # Any: the same


@dataclass(frozen=True, slots=True)
class Workflow:
    """One file. An action has one nameless job and no triggers; `lines` are its text."""

    path: str
    is_action: bool
    triggers: frozenset[str]
    permissions: object
    jobs: tuple[Job, ...]
    raw: Mapping[str, Any]  # Any: the same
    lines: tuple[str, ...]

    def line_of(self, text: str, after: int = 1) -> int:
        """Return the first line from `after` on that holds a text, or `after`."""
        found = (n for n, one in enumerate(self.lines, 1) if n >= after and text in one)
        return next(found, after)


def all_files(project: Path) -> frozenset[str]:
    """Return all workflow files and action files of a project; at the root it is one itself."""
    folder = project / _ACTIONS
    found = [*project.glob(_ACTION), *(folder.rglob(_ACTION) if folder.is_dir() else ())]
    return workflow_files(project) | {one.relative_to(project).as_posix() for one in found}


def read_workflow(project: Path, path: str) -> Workflow:
    """Read one file.

    Raises:
        CouldNotRun: it is no YAML, or neither a workflow nor an action.
    """
    try:
        text = (project / path).read_text("utf-8")
        document = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a base loader makes only strings
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CouldNotRun(f"{path} can't be read as YAML") from error
    if not isinstance(document, dict):
        raise CouldNotRun(f"{path} is no workflow")
    is_action = "runs" in document
    jobs = {"": _mapping(document["runs"])} if is_action else _mapping(document.get("jobs"))
    if not jobs or not (is_action or "on" in document):
        raise CouldNotRun(f"{path} has no jobs or no trigger")
    return Workflow(
        path,
        is_action,
        frozenset(_names(document.get("on"))),
        document.get("permissions"),
        tuple(_job(name, _mapping(node)) for name, node in jobs.items()),
        document,
        tuple(text.splitlines()),
    )


def _job(name: str, node: Node) -> Job:
    steps = node.get("steps")
    return Job(
        name,
        node.get("permissions"),
        tuple(_names(node.get("needs"))),
        tuple(_steps(node, steps if isinstance(steps, list) else [])),
        node,
    )


def _steps(job: Node, steps: list[object]) -> Iterator[Step]:
    if "uses" in job:  # a job that is another workflow
        yield Step("", str(job["uses"]), job)
    for one in steps:
        step = _mapping(one)
        yield Step(str(step.get("run", "")), str(step.get("uses", "")), step)


def _names(value: object) -> Iterator[str]:
    """Yield the names in what may be one name, a list, or a table by name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        yield from (str(one) for one in value)


def _mapping(value: object) -> Node:
    return value if isinstance(value, dict) else {}
