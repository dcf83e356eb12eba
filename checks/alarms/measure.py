"""Letting the gate `static` at another project's sources, and counting their lines."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.asking import numbered
from checks.context import Artifacts, Context
from checks.gates.static import StaticGate
from checks.manifest import Manifest
from checks.model import CouldNotRun, Mode

if TYPE_CHECKING:
    from pathlib import Path

    from checks.model import Finding

_NO_CODE = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
        tokenize.ENCODING,
    }
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One project: how many lines of code it has, and what the blocking rules found in them."""

    name: str
    version: str
    lines: int
    findings: tuple[Finding, ...]


def measure(name: str, version: str, sources: Path, policies: Path, work: Path) -> Measured:
    """Judge the Python files of one distribution as those of another project are judged.

    Raises:
        CouldNotRun: there are none, or one of them was not looked at.
    """
    files = frozenset(one.relative_to(sources).as_posix() for one in sources.rglob("*.py"))
    manifest = _manifest(name, version, files)
    output = numbered(StaticGate().check(_context(manifest, sources, policies, work)))
    if missed := [one for scope in output.scopes for one in sorted(scope.missed)]:
        raise CouldNotRun(f"{name}: not looked at: {', '.join(missed)}")
    lines = sum(lines_of_code((sources / one).read_bytes()) for one in files)
    return Measured(name, version, lines, output.findings)


def lines_of_code(source: bytes) -> int:
    """Count the lines on which code begins: no blank ones, no comments, one for each long text."""
    tokens = tokenize.tokenize(io.BytesIO(source).readline)
    return len({one.start[0] for one in tokens if one.type not in _NO_CODE})


def _manifest(name: str, version: str, files: frozenset[str]) -> Manifest:
    return Manifest(
        name=name,
        version=version,
        packages=(name,),
        package_roots=(),
        shipped=files,
        python=files,
        rust=frozenset(),
        lock=None,
        locked={},
    )


def _context(manifest: Manifest, sources: Path, policies: Path, work: Path) -> Context:
    return Context(
        project=sources,
        policies=policies,
        manifest=manifest,
        mode=Mode.STRICT,
        work=work / manifest.name,
        cache=work,
        own=False,
        source_date_epoch=0,
        artifacts=_nothing_is_built,
    )


def _nothing_is_built() -> Artifacts:
    raise CouldNotRun("public code is read here, and not built")
