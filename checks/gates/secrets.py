"""The gate `secrets`: no secret lies in the tree or in the wheel."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

from checks.build import source_files
from checks.kept import digest_artifacts, digest_files, digest_texts
from checks.model import Finding, GateOutput, Location, Scope
from checks.secrets.detect import Seen, detect, readable
from checks.secrets.policy import FILE, Allow, Demands, read_demands
from checks.specimens import digest, discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome, ToolRun

IN_TREE = "secrets.in-tree"
IN_WHEEL = "secrets.in-wheel"
UNUSED = "secrets.unused-entry"

_REMEDIATION = (
    "Take it out, and make it worthless where it is used: what was committed is no secret any more."
)


class SecretsGate:
    """Let detect-secrets look at every file of the tree and every member of the wheel."""

    name = "secrets"
    title = "No secret lies in the tree or in the wheel"
    rules: tuple[str, ...] = (IN_TREE, IN_WHEEL, UNUSED)

    def inputs(self, context: Context) -> str:
        """Digest all files, the wheel and the policy."""
        files = digest_files(context.project, source_files(context.project))
        policy = digest(context.settings_file(FILE))
        return digest_texts([files, digest_artifacts(context), policy])

    def check(self, context: Context) -> GateOutput:
        """Judge the tree and the wheel.

        Raises:
            CouldNotRun: a file can't be read, or the tool gave no answer.
        """
        demands = read_demands(context.settings_file(FILE))
        files = source_files(context.project)
        tree, seen, tool = _look(context.project, files, demands, context.work / "secrets-tree")
        unpacked = context.work / "secrets-wheel"
        members = _unpack(context.artifacts().wheel, unpacked)
        wheel, shipped, other = _look(
            unpacked, members, demands, context.work / "secrets", unit="wheel members"
        )
        return GateOutput(
            (tree, wheel),
            findings=(
                *judge(IN_TREE, seen, demands.allow),
                *judge(IN_WHEEL, shipped, ()),
                *_unused(demands, files, seen),
            ),
            tools=(tool, other),
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's folder by the policy in it, all in one run of the tool."""
        found = discover(context.policies, self.name)
        names = [_name(one.path, file) for one in found for file in _files(one.path)]
        seen, _ = detect(found[0].path.parents[1], names, context.work / "secrets-specimens")
        return tuple(
            one.outcome(fired=one.rule in _judge_folder(one.path, one.rule, seen)) for one in found
        )


def judge(rule: str, seen: Iterable[Seen], allow: Iterable[Allow]) -> Iterator[Finding]:
    """Yield what the policy does not allow; what was seen is never shown."""
    for one in sorted(seen, key=lambda found: (found.path, found.line, found.kind)):
        if not any(one.kind in entry.kinds and entry.covers(one.path) for entry in allow):
            yield Finding(
                rule,
                f"this looks like a secret ({one.kind})",
                Location(one.path, one.line),
                snippet=f"{one.kind} {one.mark}",
                context=one.mark,
                remediation=_REMEDIATION,
            )


def _look(
    root: Path, files: list[str], demands: Demands, work: Path, *, unit: str = "files"
) -> tuple[Scope, list[Seen], ToolRun]:
    """Look at files; what the policy skips, and what holds no text, is named with the reason."""
    skipped = {
        name: entry.why for name in files for entry in demands.skip[::-1] if entry.covers(name)
    }
    texts, others = readable(root, [name for name in files if name not in skipped])
    seen, run = detect(root, texts, work)
    scope = Scope(unit, frozenset(files), frozenset(texts), {**skipped, **others})
    return scope, seen, run


def _unpack(wheel: Path, folder: Path) -> list[str]:
    """Write every member under its own name; two of one name are kept apart."""
    names: list[str] = []
    with zipfile.ZipFile(wheel) as archive:
        for one in archive.infolist():
            if one.is_dir():
                continue
            name = one.filename
            if name in names or name.startswith("/") or ".." in name.split("/"):
                name = f"odd-name-{hashlib.sha256(archive.read(one)).hexdigest()[:12]}"
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(one))
            names.append(name)
    return names


def _unused(demands: Demands, files: Iterable[str], seen: Iterable[Seen]) -> Iterator[Finding]:
    """Yield entries of the policy that cover nothing: it holds no dead ones."""
    if not demands.all_needed:
        return
    every, found = list(files), list(seen)
    for entry in demands.skip:
        if not any(entry.covers(name) for name in every):
            yield _dead(f"nothing is called {entry.path}", entry.path)
    for entry in demands.allow:
        kinds = {one.kind for one in found if entry.covers(one.path)}
        for kind in sorted(entry.kinds - kinds):
            yield _dead(f"there is no {kind} in {entry.path}", entry.path)


def _dead(text: str, path: str) -> Finding:
    return Finding(UNUSED, text, Location(f"policies/{FILE}"), snippet=text, context=path)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != FILE)


def _name(folder: Path, file: Path) -> str:
    return file.relative_to(folder.parents[1]).as_posix()


def _judge_folder(folder: Path, rule: str, seen: Iterable[Seen]) -> set[str]:
    """Judge what was seen in one specimen; the wheel's rule allows nothing, whatever is said."""
    demands = read_demands(folder / FILE)
    top = f"{folder.parent.name}/{folder.name}/"
    mine = [
        Seen(one.path.removeprefix(top), one.line, one.kind, one.mark)
        for one in seen
        if one.path.startswith(top)
    ]
    files = [file.relative_to(folder).as_posix() for file in _files(folder)]
    kind, allow = (IN_WHEEL, ()) if rule == IN_WHEEL else (IN_TREE, demands.allow)
    found = (*judge(kind, mine, allow), *_unused(demands, files, mine))
    return {one.rule for one in found}
