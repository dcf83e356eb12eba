"""What a run of the test suites leaves behind for the gate: a file, whole or not there at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from checks.build import source_files
from checks.kept import digest_files
from checks.model import CouldNotRun

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
FOLDER = ".work/evidence"
# What a test can end in; the gravest is what a test with several reports ended in.
PASSED, XFAILED, SKIPPED, XPASSED = "passed", "xfailed", "skipped", "xpassed"
FAILED, ERROR = "failed", "error"
GRAVITY = (PASSED, XFAILED, SKIPPED, XPASSED, FAILED, ERROR)


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one test ended; `reason` is what a skip or an expected failure says of itself."""

    outcome: str
    reason: str = ""


class Tree(msgspec.Struct, frozen=True):
    """What was tested: digests over all the project's files when the run began and ended."""

    commit: str | None
    dirty: bool | None
    began: str
    ended: str


class Options(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was in force that decides which tests run, and what counts as a failure.

    `paths` and `testpaths` are what was asked for and what there is; `environment` the variables
    that steer pytest; the rest bears the names of pytest's own options.
    """

    paths: tuple[str, ...] = ()
    testpaths: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    plugins: tuple[str, ...] = ()
    collectonly: bool = False
    setuponly: bool = False
    setupplan: bool = False
    noconftest: bool = False
    lf: bool = False
    stepwise: bool = False
    runxfail: bool = False
    keyword: str = ""
    markexpr: str = ""
    deselect: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    ignore_glob: tuple[str, ...] = ()
    override_ini: tuple[str, ...] = ()
    pythonwarnings: tuple[str, ...] = ()
    maxfail: int = 0
    optimize: int = 0
    xfail_strict: bool = False
    warnings_are_errors: bool = False


class Evidence(msgspec.Struct, frozen=True):
    """One run: what it was about, what it was told, every test that was found and how it ended.

    `dropped` were found and then taken out again, by an option or by a conftest; `lenient` are
    marked as failures that may pass; `broken` could not be collected or lost their process.
    """

    schema: int
    python: str
    platform: str
    tools: dict[str, str]
    tree: Tree
    options: Options
    collected: tuple[str, ...]
    dropped: tuple[str, ...]
    lenient: tuple[str, ...]
    broken: tuple[str, ...]
    tests: dict[str, Ended]
    started: str
    duration: float
    exit_status: int


def tree_digest(project: Path) -> str:
    """Return one SHA-256 over all files that belong to the project, tracked or not yet."""
    return digest_files(project, source_files(project))


def read(path: Path) -> Evidence:
    """Return what a run left behind.

    Raises:
        CouldNotRun: the file is of another kind; evidence that can't be read proves nothing.
    """
    try:
        evidence = msgspec.json.decode(path.read_bytes(), type=Evidence)
    except (OSError, msgspec.MsgspecError) as error:
        raise CouldNotRun(f"the evidence {path.name} can't be read: {error}") from error
    if evidence.schema != SCHEMA:
        raise CouldNotRun(f"the evidence {path.name} is of schema {evidence.schema}, not {SCHEMA}")
    return evidence


def write(path: Path, evidence: Evidence) -> None:
    """Write the evidence in one step: a run that is killed leaves none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(evidence), indent=1))
    part.replace(path)
