"""The gate `reproducible`: built elsewhere, by others, the same source gives the same bytes.

The second build has another folder with a longer name, another umask, time zone, home, hash seed
and locale, and its files have other times and modes. What differs is named member by member.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.build import Place, build, source_files
from checks.kept import digest_files, digest_texts
from checks.model import Finding, GateOutput, Location, Scope
from checks.specimens import discover

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.context import Artifacts, Context
    from checks.model import SpecimenOutcome

WHEEL = "reproducible.wheel"
SDIST = "reproducible.sdist"

_LONGER = "a folder with a name that is longer, and has spaces in it"
_ELSEWHERE = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "C",
    "PYTHONHASHSEED": "4242",
    "USER": "somebody",
}
_OTHER_MOMENT = 1_000_000_000  # 2001: the files' times are no part of the source
_OWNER_ONLY = 0o700
_REMEDIATION = "Leave times, random values, paths and the machine out of what is built."


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive: its content and all that its header says."""

    content: bytes
    header: tuple[object, ...]


class ReproducibleGate:
    """Build a second time under other circumstances, and compare every byte."""

    name = "reproducible"
    title = "Built elsewhere, the wheel and the sdist are the same, byte for byte"
    rules: tuple[str, ...] = (WHEEL, SDIST)

    def inputs(self, context: Context) -> str:
        """Digest everything that a build can see of the project, and its date."""
        sources = digest_files(context.project, source_files(context.project))
        return digest_texts([sources, str(context.source_date_epoch)])

    def check(self, context: Context) -> GateOutput:
        """Build again and compare with what this run judges.

        Raises:
            CouldNotRun: it can't be built.
        """
        first = context.artifacts()
        again = build_elsewhere(
            context.project,
            context.work / "again",
            epoch=context.source_date_epoch,
            isolated=not context.own,
        )
        kinds = frozenset({"wheel", "sdist"})
        return GateOutput(
            (Scope("built files", kinds, kinds),), findings=tuple(compare(first, again))
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Build small projects, some of which look at where and when they are built."""
        return tuple(
            one.outcome(fired=one.rule in _built_twice(one.path, context.work / one.sha256[:16]))
            for one in discover(context.policies, self.name)
        )


def build_elsewhere(project: Path, work: Path, *, epoch: int, isolated: bool) -> Artifacts:
    """Build from a copy whose files, place and circumstances are others.

    Raises:
        CouldNotRun: it can't be built.
    """
    home = work / "home"
    home.mkdir(parents=True)
    place = Place(
        folder=_LONGER,
        umask=0o077,
        environment={**_ELSEWHERE, "HOME": str(home)},
        prepare=_touched,
    )
    return build(project, work, epoch=epoch, isolated=isolated, place=place)


def compare(first: Artifacts, second: Artifacts) -> Iterator[Finding]:
    """Yield a finding for each of the two files that came out otherwise."""
    for rule, one, other in (
        (WHEEL, first.wheel, second.wheel),
        (SDIST, first.sdist, second.sdist),
    ):
        if one.name != other.name:
            yield _finding(rule, f"is called {one.name} and {other.name}")
        elif one.read_bytes() != other.read_bytes():
            differing = sorted(_differing(members(one), members(other)))
            yield _finding(rule, "differs in " + ("; ".join(differing) or "the archive itself"))


def members(path: Path) -> dict[str, Member]:
    """Read every member of a wheel or an sdist."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {
                one.filename: Member(
                    wheel.read(one), (one.date_time, one.external_attr, one.compress_type)
                )
                for one in wheel.infolist()
            }
    with tarfile.open(path, "r:gz") as sdist:
        return {one.name: _tar_member(sdist, one) for one in sdist}


def _tar_member(sdist: tarfile.TarFile, one: tarfile.TarInfo) -> Member:
    file = sdist.extractfile(one) if one.isfile() else None
    header = (one.mtime, one.mode, one.uid, one.gid, one.uname, one.gname, one.linkname)
    return Member(file.read() if file else b"", header)


def _differing(first: dict[str, Member], second: dict[str, Member]) -> Iterator[str]:
    for name in {*first, *second}:
        one, other = first.get(name), second.get(name)
        if one is None or other is None:
            yield f"{name} (in one of them only)"
        elif one.content != other.content:
            yield f"{name} (content)"
        elif one.header != other.header:
            yield f"{name} (time, mode or owner)"
    if list(first) != list(second) and set(first) == set(second):
        yield "the members' order"


def _touched(source: Path) -> None:
    """Give every file another time, and take the group's and the others' rights."""
    for file in source.rglob("*"):
        if file.is_file() and not file.is_symlink():
            file.chmod(file.stat().st_mode & _OWNER_ONLY)
            os.utime(file, (_OTHER_MOMENT, _OTHER_MOMENT))


def _finding(rule: str, what: str) -> Finding:
    kind = rule.partition(".")[2]
    return Finding(
        rule,
        f"the {kind} {what}",
        Location("pyproject.toml"),
        snippet=f"the {kind} differs from itself",
        context=kind,
        remediation=_REMEDIATION,
    )


def _built_twice(project: Path, work: Path) -> set[str]:
    shutil.rmtree(work, ignore_errors=True)
    first = build(project, work / "first", epoch=_OTHER_MOMENT, isolated=False)
    again = build_elsewhere(project, work / "again", epoch=_OTHER_MOMENT, isolated=False)
    return {finding.rule for finding in compare(first, again)}
