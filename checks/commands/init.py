"""``python -m checks init``: write the starter policy into a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checks.execute import HOME
from checks.model import CouldNotRun

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

SUMMARY = "write a starter policy into a project's policies/"

_NEXT = """\
Next:
  1. Read the files; each says what it is for, and holds what is true of most projects.
  2. python -m checks --project {project}
  3. Mend what is found, or say in a file why it may stay; commit the folder with the project.
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="DIR", help="the project (this folder)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")


def run(given: argparse.Namespace, console: Console) -> int:
    """Copy every starter file; one that is there stays, unless it is forced.

    Raises:
        CouldNotRun: there is no such project, or it is the one of these checks.
    """
    project = given.project.resolve()
    if not project.is_dir() or project == HOME:
        raise CouldNotRun(f"{given.project} is no other project's folder")
    folder = project / "policies"
    folder.mkdir(exist_ok=True)
    for file in sorted((HOME / "policies" / "starter").glob("*.toml")):
        target = folder / file.name
        if target.exists() and not given.force:
            console.print(f"kept:    policies/{file.name}", highlight=False, markup=False)
            continue
        target.write_bytes(file.read_bytes())
        console.print(f"written: policies/{file.name}", highlight=False, markup=False)
    text = _NEXT.format(project=given.project)
    console.print(text, highlight=False, markup=False, soft_wrap=True)
    return 0
