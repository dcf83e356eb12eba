"""``python -m checks sbom``: write the bill of materials of the runtime lock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from checks.execute import HOME
from checks.manifest import build_manifest
from checks.sbom import render_sbom, sbom_path

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

SUMMARY = "write the SBOM (CycloneDX) of the runtime lock; scripts/lock does so, too"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--project", type=Path, default=HOME, metavar="DIR", help="tree to write it in (this one)"
    )


def run(given: argparse.Namespace, console: Console) -> int:
    """Write the file where the gate `sbom` looks for it."""
    project = given.project.resolve()
    name = sbom_path(build_manifest(project).name)
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_sbom(project), "utf-8", newline="\n")
    console.print(f"written: {name}", highlight=False, markup=False)
    return 0
