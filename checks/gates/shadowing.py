"""No module of ours bears the name of another's: the interpreter's, a dependency's, an import's.

A stub package beside the real one is found first by ``import``, and every other gate would then
judge the stub (assessment, Critical 1).
"""

from __future__ import annotations

import ast
import json
import sys
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from checks.environments import make_environment
from checks.imports import imported_names
from checks.kept import digest_artifacts, digest_files, digest_texts
from checks.layout import importable, is_namespace, may_ship
from checks.lock import read_lock
from checks.manifest import build_manifest
from checks.model import CouldNotRun, Finding, GateOutput, Location, Scope
from checks.process import run_tool
from checks.specimens import Specimen, discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from checks.context import Context
    from checks.manifest import Manifest
    from checks.model import SpecimenOutcome, ToolRun

STDLIB = "shadowing.stdlib"
DISTRIBUTION = "shadowing.distribution"
IMPORT = "shadowing.third-party-import"
UNEXPECTED = "shadowing.unexpected-top-level"

_REMEDIATION = "Rename it, or move it out of the shipped tree (test doubles: tests/fixtures)."
_LIST_TOP_LEVELS = (
    "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"
)


@dataclass(frozen=True, slots=True)
class TopLevel:
    """A name that ``import`` would find, and the file that shows it."""

    name: str
    path: str
    snippet: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """Names that belong to others: by distribution, and those the project imports."""

    distributions: Mapping[str, str]
    imported: frozenset[str]


class ShadowingGate:
    """Compares top-level names in the source tree and the wheel with names of others."""

    name = "shadowing"
    title = "No module shadows another's"
    rules: tuple[str, ...] = (STDLIB, DISTRIBUTION, IMPORT, UNEXPECTED)

    def check(self, context: Context) -> GateOutput:
        """Compare every top level of the source tree and of the wheel.

        Without a wheel the gate has not run, but what the tree shows is told all the same.
        """
        installed, tools = _distributions(context)
        tree = source_top_levels(context.project, context.manifest)
        made, why = context.artifacts_or_why()
        members = wheel_members(made.wheel) if made else frozenset[str]()
        wheel = wheel_top_levels(members, known={one.name for one in tree})
        imported, files = _imported(context.project, context.manifest)
        shared = shared_namespaces(context.project, context.manifest)
        taken = Taken(_taken_by_others(context.manifest, installed, shared), imported)
        own = own_names(context.manifest.name, [one.name for one in tree]) | shared
        return GateOutput(
            scopes=(
                _whole("top-level modules", {one.path for one in (*tree, *wheel)}),
                Scope("wheel members", members or frozenset({why}), members),
                files,
            ),
            findings=tuple(judge([*tree, *wheel], taken, own)),
            tools=tools,
            notes=(why,) if why else (),
        )

    def inputs(self, context: Context) -> str:
        """Digest the names of all in the tree, what is shipped and what was built."""
        names = sorted(one.path for one in source_top_levels(context.project, context.manifest))
        shipped = digest_files(context.project, context.manifest.shipped)
        return digest_texts([*names, shipped, digest_artifacts(context)])

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's tree as a project's."""
        return _specimens(context.policies, _distributions(context)[0])


def judge(top_levels: Iterable[TopLevel], taken: Taken, own: frozenset[str]) -> Iterable[Finding]:
    """Yield at most one finding for each name, the gravest that applies."""
    for one in top_levels:
        found = _claim(one, taken, own)
        if found is not None:
            rule, message = found
            location = Location(one.path, 1)
            yield Finding(rule, message, location, one.snippet, one.name, _REMEDIATION)


def _claim(one: TopLevel, taken: Taken, own: frozenset[str]) -> tuple[str, str] | None:
    if one.name in sys.stdlib_module_names:
        return STDLIB, f"{one.name} is the name of a standard library module"
    if one.name in taken.distributions:
        owner = taken.distributions[one.name]
        return DISTRIBUTION, f"{one.name} is a module of the distribution {owner}"
    if one.name in own:
        return None
    if one.name in taken.imported:
        return IMPORT, f"{one.name} is imported as a third party's, and stands in the own tree"
    return UNEXPECTED, f"{one.name} is importable beside the project's own package"


def own_names(project: str, top_levels: Iterable[str]) -> frozenset[str]:
    """Return the names that match the project's, or else the only one there is."""
    wanted = canonicalize_name(project)
    names = set(top_levels)
    matching = frozenset(name for name in names if canonicalize_name(name) == wanted)
    return matching or (frozenset(names) if len(names) == 1 else frozenset())


def source_top_levels(project: Path, manifest: Manifest) -> list[TopLevel]:
    """Return what is importable directly below the package roots and ``src``."""
    roots = sorted({*manifest.package_roots, PurePosixPath("src")})
    found: dict[str, TopLevel] = {}
    for root in roots:
        for package in importable(project, root):
            named = package.name in manifest.packages
            if root == PurePosixPath() and not named and not may_ship(project, package):
                continue
            path = _evidence(project / package.path)
            relative = path.relative_to(project).as_posix()
            found.setdefault(relative, TopLevel(package.name, relative, _first_line(path)))
    return list(found.values())


def wheel_members(wheel: Path) -> frozenset[str]:
    """Return the names of all files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(name for name in archive.namelist() if not name.endswith("/"))


def wheel_top_levels(members: Iterable[str], *, known: set[str]) -> list[TopLevel]:
    """Return the wheel's top levels that the source tree did not already show.

    A ``.pth`` file is one too: the interpreter runs it at every start.
    """
    found: dict[str, TopLevel] = {}
    for member in sorted(members):
        parts = PurePosixPath(member).parts
        if parts[0].endswith(".dist-info"):
            continue
        if parts[0].endswith(".data"):
            parts = parts[2:] if parts[1] in {"purelib", "platlib"} else ()
        name = (
            parts[0] if parts and parts[0].endswith(".pth") else (parts or ("",))[0].split(".")[0]
        )
        if name and name not in known:
            found.setdefault(name, TopLevel(name, member))
    return list(found.values())


def _evidence(path: Path) -> Path:
    """Return the file to point at: the module itself, its __init__, or its first file."""
    if path.is_file():
        return path
    init = path / "__init__.py"
    return init if init.is_file() else min(file for file in path.rglob("*.*") if file.is_file())


def _first_line(path: Path) -> str:
    if path.suffix not in {".py", ".pyi"}:
        return ""
    return path.read_text("utf-8", errors="replace").partition("\n")[0].strip()[:200]


def _imported(project: Path, manifest: Manifest) -> tuple[frozenset[str], Scope]:
    """Return the names that shipped files outside a name's own tree import, and the files read."""
    names: set[str] = set()
    skipped = {}
    for path in manifest.python:
        try:
            tree = ast.parse((project / path).read_bytes())
        except (SyntaxError, ValueError):
            skipped[path] = "does not parse, which the static gate reports"
        else:
            names |= imported_names(tree)
    scanned = manifest.python - frozenset(skipped)
    return frozenset(names), Scope("files", manifest.python, scanned, skipped)


def shared_namespaces(project: Path, manifest: Manifest) -> frozenset[str]:
    """Return the namespace that the distribution's name begins with: ``zope`` of zope.interface.

    Others may have parts of it as well, and shadow nothing by that.
    """
    return frozenset(
        package.name
        for root in manifest.package_roots
        for package in importable(project, root)
        if is_namespace(project, package, manifest.name)
    )


def _taken_by_others(
    manifest: Manifest, installed: Mapping[str, list[str]], shared: frozenset[str]
) -> dict[str, str]:
    """Map a module's name to the distribution it belongs to, our own left out.

    A locked distribution that is not installed here (another platform's) is taken to offer a
    module of its own name.
    """
    own = canonicalize_name(manifest.name)
    taken = {name.replace("-", "_"): name for name in manifest.locked}
    for module, names in installed.items():
        others = [name for name in names if canonicalize_name(name) != own]
        if others and module not in shared:
            taken[module] = others[0]
    return taken


def _distributions(context: Context) -> tuple[Mapping[str, list[str]], tuple[ToolRun, ...]]:
    """Map modules to distributions: of the checks' environment, and of the runtime lock's.

    The lock's environment is made only when something locked is not installed beside the checks.
    """
    here = dict(metadata.packages_distributions())
    installed = {canonicalize_name(dist.name) for dist in metadata.distributions()}
    lock = context.lock_file(empty=True) if context.manifest.lock else None
    if lock is None or set(read_lock(lock, here=True)) <= installed:
        return {module: list(names) for module, names in here.items()}, ()
    python = make_environment(context, lock, name="runtime")
    done = run_tool(
        "importlib.metadata",
        [str(python), "-I", "-c", _LIST_TOP_LEVELS],
        cwd=context.work,
        version=sys.version.split()[0],
    )
    return {**here, **_parse(done.stdout)}, (done.run,)


def _parse(text: str) -> dict[str, list[str]]:
    try:
        return {str(k): [str(n) for n in v] for k, v in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise CouldNotRun("the locked environment did not list its modules") from error


def _specimens(policies: Path, installed: Mapping[str, list[str]]) -> tuple[SpecimenOutcome, ...]:
    return tuple(
        one.outcome(fired=one.rule in _rules_on(one, installed))
        for one in discover(policies, "shadowing")
    )


def _rules_on(specimen: Specimen, installed: Mapping[str, list[str]]) -> set[str]:
    """Judge a specimen's tree as a project's, without a wheel."""
    manifest = build_manifest(specimen.path)
    tree = source_top_levels(specimen.path, manifest)
    imported, _ = _imported(specimen.path, manifest)
    shared = shared_namespaces(specimen.path, manifest)
    taken = Taken(_taken_by_others(manifest, installed, shared), imported)
    own = own_names(manifest.name, [one.name for one in tree]) | shared
    return {finding.rule for finding in judge(tree, taken, own)}


def _whole(unit: str, names: Iterable[str]) -> Scope:
    """Make a scope of things that are compared by name and so can't be missed."""
    every = frozenset(names)
    return Scope(unit, every, every)
