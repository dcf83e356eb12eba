"""What is imported is declared: deptry, in an environment of the declared dependencies alone.

In a fuller environment a missing declaration would look like a transitive one at best; that is
why deptry runs inside an environment made from the runtime lock (assessment, Critical 3).
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from checks.declared import for_development, for_other_machines
from checks.environments import make_environment
from checks.kept import digest_files
from checks.lock import read_lock
from checks.model import CouldNotRun, Finding, GateOutput, Location, Scope
from checks.process import run_tool, tool_version
from checks.specimens import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome, ToolRun

SUPPRESSED = "dependencies.suppressed"
_RULE_OF_CODE = {
    "DEP001": "dependencies.missing",
    "DEP002": "dependencies.unused",
    "DEP003": "dependencies.transitive",
    "DEP004": "dependencies.misplaced",
}
_REMEDIATION = {
    "dependencies.missing": "Declare it in [project.dependencies] and run scripts/lock.",
    "dependencies.unused": "Remove the declaration and run scripts/lock.",
    "dependencies.transitive": "Declare what is imported, not only what brings it along.",
    "dependencies.misplaced": "Move the declaration to [project.dependencies].",
    SUPPRESSED: "Remove the comment and declare the dependency.",
}
# What deptry itself needs beside the project's dependencies.
_TOOL = ("deptry", "packaging", "requirements-parser", "click", "tomli")
# An extra that brings a program and no module is told to deptry; anything else would hide.
_ALLOWED_SETTINGS = frozenset({"optional_dependencies_dev_groups"})
_SCANNING = re.compile(r"Scanning (\d+) files?")
_DOUBT = re.compile(r"^.*\b(?:Warning:|Assuming\b).*$", re.MULTILINE)
_ABOUT = re.compile(r"Assuming the corresponding module name of package '([^']+)'")
_INLINE = re.compile(r"#\s*deptry:\s*ignore")


@dataclass(frozen=True, slots=True)
class Verdict:
    """deptry's answer over one project."""

    findings: tuple[Finding, ...]
    files: int
    run: ToolRun


class DependenciesGate:
    """Runs deptry over the shipped packages and over the specimen projects."""

    name = "dependencies"
    title = "Every import is a declared dependency"
    rules: tuple[str, ...] = (*_RULE_OF_CODE.values(), SUPPRESSED)

    def check(self, context: Context) -> GateOutput:
        """Judge the project's imports against its declarations."""
        python = self._environment(context, context.lock_file(empty=True))
        sources = str(context.manifest.package_roots[0])
        verdict = run_deptry(python, context.project, sources, context.work)
        expected = frozenset(p for p in context.manifest.python if p.endswith(".py"))
        if verdict.files != len(expected):
            raise CouldNotRun(
                f"deptry scanned {verdict.files} files, the manifest has {len(expected)}"
            )
        return GateOutput(
            scopes=(Scope("files", expected=expected, scanned=expected),),
            findings=verdict.findings + tuple(_suppressions(context.project, expected)),
            tools=(verdict.run,),
        )

    def inputs(self, context: Context) -> str:
        """Digest what is shipped, what is declared and what is locked."""
        lock = context.manifest.lock or ""
        return digest_files(context.project, {*context.manifest.shipped, "pyproject.toml", lock})

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen project in the environment of our own lock, which they rely on."""
        python = self._environment(context, context.policies / "lock" / "runtime.txt")
        return tuple(self._judged(context, python))

    def _environment(self, context: Context, lock: Path) -> Path:
        """The declared dependencies and deptry, everything with the hashes of the two locks."""
        wanted, have = lock.read_text("utf-8").rstrip("\n") + "\n", read_lock(lock, here=True)
        blocks = _blocks((context.policies / "lock" / "dev.txt").read_text("utf-8"))
        for name in _TOOL:
            if name not in have:
                if name not in blocks:
                    raise CouldNotRun(f"{name} is not in the lock of the checks")
                wanted += blocks[name]
        derived = context.work / "dependencies-environment.txt"
        derived.write_text(wanted, "utf-8")
        return make_environment(context, derived, name="dependencies")

    def _judged(self, context: Context, python: Path) -> Iterator[SpecimenOutcome]:
        for specimen in discover(context.policies, self.name):
            verdict = run_deptry(python, specimen.path, "src", context.work)
            files = [p.relative_to(specimen.path).as_posix() for p in specimen.path.rglob("*.py")]
            findings = [*verdict.findings, *_suppressions(specimen.path, files)]
            yield specimen.outcome(fired=any(f.rule == specimen.rule for f in findings))


def run_deptry(python: Path, project: Path, sources: str, work: Path) -> Verdict:
    """Run deptry over `sources` of `project`.

    Raises:
        CouldNotRun: it doubted something, scanned nothing, or is told to look away.
    """
    _check_settings(project)
    answer = work / "deptry.json"
    answer.unlink(missing_ok=True)
    completed = run_tool(
        "deptry",
        [str(python), "-m", "deptry", sources, "--no-ansi", "--json-output", str(answer)],
        cwd=project,
        version=tool_version("deptry"),
    )
    said = completed.stdout + completed.stderr
    _check_doubts(said, project)
    scanned = _SCANNING.search(said)
    if scanned is None or not answer.is_file():
        raise CouldNotRun(f"deptry gave no verdict (exit {completed.exit_code}): {said[-500:]}")
    findings = tuple(_finding(project, record) for record in json.loads(answer.read_text("utf-8")))
    if bool(findings) != (completed.exit_code != 0):
        raise CouldNotRun(f"deptry exited {completed.exit_code} with {len(findings)} findings")
    return Verdict(findings, int(scanned[1]), completed.run)


def _check_doubts(said: str, project: Path) -> None:
    """Refuse every doubt but about what is not installed here on purpose.

    That is what only development needs, and what is declared for other machines.
    """
    document = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    absent = for_development(document) | for_other_machines(document)
    for doubt in _DOUBT.finditer(said):
        about = _ABOUT.search(doubt[0])
        if about is None or canonicalize_name(about[1]) not in absent:
            raise CouldNotRun(f"deptry was not sure: {doubt[0].strip()}")


def _check_settings(project: Path) -> None:
    document = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    hidden = set(document.get("tool", {}).get("deptry", {})) - _ALLOWED_SETTINGS
    if hidden:
        raise CouldNotRun(f"[tool.deptry] may not set {', '.join(sorted(hidden))}")


def _finding(project: Path, record: dict[str, dict[str, str | int | None] | str]) -> Finding:
    error, place, module = record["error"], record["location"], str(record["module"])
    if not isinstance(error, dict) or not isinstance(place, dict):
        raise CouldNotRun("deptry's answer has another shape than known")
    rule = _RULE_OF_CODE.get(str(error["code"]))
    if rule is None:
        raise CouldNotRun(f"deptry has an unknown code {error['code']}")
    path, line = str(place["file"]).replace("\\", "/"), place.get("line")
    number = line if isinstance(line, int) else None
    text = (project / path).read_text("utf-8").splitlines()
    return Finding(
        rule=rule,
        message=str(error["message"]),
        location=Location(path, number),
        snippet=text[number - 1].strip() if number else "",
        context=module,
        remediation=_REMEDIATION[rule],
    )


def _suppressions(project: Path, files: Iterable[str]) -> Iterator[Finding]:
    for path in sorted(files):
        for number, line in enumerate((project / path).read_text("utf-8").splitlines(), 1):
            if _INLINE.search(line):
                yield Finding(
                    rule=SUPPRESSED,
                    message="an import is hidden from the dependency check",
                    location=Location(path, number),
                    snippet=line.strip(),
                    remediation=_REMEDIATION[SUPPRESSED],
                )


def _blocks(lock: str) -> dict[str, str]:
    """Each pinned distribution of a lock with its hash lines, by canonical name."""
    blocks: dict[str, str] = {}
    name = ""
    for line in lock.splitlines(keepends=True):
        start = re.match(r"([\w.-]+)==", line)
        if start is not None:
            name = canonicalize_name(start[1])
            blocks[name] = ""
        if name and (start is not None or line.startswith("    --hash")):
            blocks[name] += line
    return blocks
