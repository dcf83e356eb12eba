"""The gate `wheel`: the built wheel holds what it should, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.kept import digest_artifacts, digest_files, digest_texts
from checks.model import CouldNotRun, Finding, GateOutput, Location, Scope
from checks.process import run_tool, tool_path, tool_version
from checks.specimens import discover
from checks.wheels import contents
from checks.wheels.archive import Wheel, read_wheel
from checks.wheels.packing import base_members, describe, pack, read_description

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome, ToolRun
    from checks.process import Completed
    from checks.specimens import Specimen

TWINE = "wheel.twine"
CONTENTS = "wheel.contents"

_INSPECTIONS: dict[str, Callable[[Wheel, contents.Expected], Iterable[Finding]]] = {
    "wheel.foreign-member": contents.foreign_members,
    "wheel.test-file": contents.test_files,
    "wheel.record": contents.record,
    "wheel.metadata": contents.metadata,
    "wheel.py-typed": contents.py_typed,
}


@dataclass(frozen=True, slots=True)
class _Judged:
    """What an outside tool said of a wheel."""

    findings: tuple[Finding, ...]
    run: ToolRun


class WheelGate:
    """Look at every member."""

    name = "wheel"
    title = "The wheel holds exactly what it should"
    rules = (*_INSPECTIONS, TWINE, CONTENTS)

    def check(self, context: Context) -> GateOutput:
        """Judge this run's wheel.

        Raises:
            CouldNotRun: it can't be built or read, or a tool didn't look at it.
        """
        path = context.artifacts().wheel
        expected = contents.expected_of(context.manifest)
        wheel = read_wheel(path)
        tools = [_twine(path, context.work), _check_contents(path, expected, context.work)]
        findings = [
            *_inspected(wheel, expected),
            *(finding for tool in tools for finding in tool.findings),
        ]
        return GateOutput(
            (_scope(wheel, expected),),
            findings=tuple(findings),
            tools=tuple(tool.run for tool in tools),
            notes=(f"{path.name} sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}",),
        )

    def inputs(self, context: Context) -> str:
        """Digest what was built and what it was built from."""
        sources = digest_files(context.project, context.manifest.shipped)
        return digest_texts([digest_artifacts(context), sources])

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's wheel."""
        return tuple(_outcome(one, context.work) for one in discover(context.policies, self.name))


def _scope(wheel: Wheel, expected: contents.Expected) -> Scope:
    """Every shipped file is to be found among the members; each member was looked at."""
    return Scope(
        "wheel members",
        frozenset(wheel.members) | frozenset(expected.shipped),
        frozenset(wheel.members),
    )


def _inspected(wheel: Wheel, expected: contents.Expected) -> Iterator[Finding]:
    for inspect in _INSPECTIONS.values():
        yield from inspect(wheel, expected)


def _twine(wheel: Path, work: Path) -> _Judged:
    done = _tool("twine", ["check", "--strict", str(wheel)], work)
    passed = done.exit_code == 0 and "PASSED" in done.stdout
    return _Judged(() if passed else (_said_by(TWINE, done, wheel),), done.run)


def _check_contents(wheel: Path, expected: contents.Expected, work: Path) -> _Judged:
    """Name the one wheel: an empty folder would pass; no configuration file may soften it."""
    modules = {f"{one}.py" for one in expected.packages} & set(expected.shipped)
    top = ",".join(f"{one}.py" if f"{one}.py" in modules else one for one in expected.packages)
    arguments = ["--no-config", "--toplevel", top, str(wheel)]
    done = _tool("check-wheel-contents", arguments, work)
    passed = done.exit_code == 0 and f"{wheel.name}: OK" in done.stdout
    return _Judged(() if passed else (_said_by(CONTENTS, done, wheel),), done.run)


def _tool(name: str, arguments: list[str], work: Path) -> Completed:
    work.mkdir(parents=True, exist_ok=True)
    return run_tool(
        name, [tool_path(name), *arguments], cwd=work, version=tool_version(name), timeout=120
    )


def _said_by(rule: str, done: Completed, wheel: Path) -> Finding:
    """Turn the tool's own words into a finding, whether it complained or said nothing of use.

    Raises:
        CouldNotRun: it never mentioned the wheel, so it did not look at it.
    """
    said = f"{done.stdout}\n{done.stderr}".strip()
    if wheel.name not in said:
        raise CouldNotRun(f"{done.run.name} exited {done.exit_code} without naming the wheel")
    words = " ".join(said.replace(str(wheel.parent), "").split())[:500]
    return Finding(rule, f"{done.run.name}: {words}", Location("pyproject.toml"), snippet=words)


def _outcome(specimen: Specimen, work: Path) -> SpecimenOutcome:
    fired = {finding.rule for finding in _judge_specimen(specimen, work)}
    return specimen.outcome(fired=specimen.rule in fired)


def _judge_specimen(specimen: Specimen, work: Path) -> Iterator[Finding]:
    """Judge a wheel packed from the specimen by its rule's own function."""
    table = read_description(specimen.path)
    folder = work / "specimens" / specimen.sha256[:16]
    path = pack(describe(table), folder)
    expected = _expected_of_specimen(table.get("name", "example"), table.get("version", "1.0"))
    if specimen.rule == TWINE:
        yield from _twine(path, work).findings
    elif specimen.rule == CONTENTS:
        yield from _check_contents(path, expected, work).findings
    else:
        yield from _INSPECTIONS[specimen.rule](read_wheel(path), expected)


def _expected_of_specimen(name: str, version: str) -> contents.Expected:
    shipped = {member: f"src/{member}" for member in base_members(name)}
    return contents.Expected(name, version, (name,), shipped)
