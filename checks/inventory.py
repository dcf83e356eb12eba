"""The explicit list of everything there was to look at, as the reports carry it."""

from __future__ import annotations

import tarfile
import zipfile
from typing import TYPE_CHECKING

from checks.outcome import Inventory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from checks.context import Artifacts
    from checks.manifest import Manifest
    from checks.model import GateResult

WORKFLOWS = ".github/workflows"
TESTS = "tests"


def take_inventory(
    project: Path,
    manifest: Manifest,
    artifacts: Artifacts | None,
    rules: Iterable[str],
    results: Iterable[GateResult],
) -> tuple[Inventory, ...]:
    """List, unit by unit, what the run was about; a unit that the project lacks is left out."""
    collected, executed = _tests(results)
    units = {
        "shipped files": manifest.shipped,
        "Rust files": manifest.rust,
        "locked distributions": {
            f"{name}=={one}" for name, one in {*manifest.locked.items(), *manifest.others}
        },
        "wheel members": _wheel(artifacts.wheel) if artifacts else (),
        "sdist members": _sdist(artifacts.sdist) if artifacts else (),
        "workflow files": workflow_files(project),
        "tests collected": collected,
        "tests executed": executed,
        "rules": rules,
    }
    return tuple(Inventory(unit, frozenset(names)) for unit, names in units.items() if names)


def workflow_files(project: Path) -> frozenset[str]:
    """Return the project's workflow files."""
    folder = project / WORKFLOWS
    found = folder.iterdir() if folder.is_dir() else ()
    return frozenset(
        file.relative_to(project).as_posix()
        for file in found
        if file.is_file() and file.suffix in {".yml", ".yaml"}
    )


def _tests(results: Iterable[GateResult]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the tests that were collected and those that ran, as the gates tell them."""
    scopes = [
        scope
        for result in results
        if result.output is not None
        for scope in result.output.scopes
        if scope.unit == TESTS
    ]
    nothing: frozenset[str] = frozenset()
    return (
        nothing.union(*(scope.expected for scope in scopes)),
        nothing.union(*(scope.scanned for scope in scopes)),
    )


def _wheel(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _sdist(path: Path) -> list[str]:
    with tarfile.open(path, "r:gz") as archive:
        return [one.name.partition("/")[2] for one in archive if one.isfile()]
