"""The gate `metadata`: what the project says of itself is valid, agrees with itself, and renders.

twine passes a Markdown README without a look when no renderer is installed; here one must be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import license_expression  # type: ignore[import-untyped]  # the wheel has no annotations
from packaging.version import InvalidVersion, Version
from trove_classifiers import classifiers as known_classifiers
from validate_pyproject import api, errors

from checks.build import source_files
from checks.kept import digest_artifacts, digest_files, digest_texts
from checks.manifest import read_pyproject
from checks.metadata.pythons import PYTHONS, pythons
from checks.metadata.readme import README, readme
from checks.metadata.said import Said, wrong
from checks.model import GateOutput, NotApplicable, Scope
from checks.specimens import discover
from checks.surroundings import tags_of
from checks.wheels.archive import read_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from checks.context import Context
    from checks.model import Finding, SpecimenOutcome

INVALID = "metadata.invalid"
VERSION = "metadata.version"
LICENCE = "metadata.licence"

_HEADING = re.compile(r"^##\s+\[?v?(\d+\.\d+[^\]\s]*)\]?", re.MULTILINE)


class MetadataGate:
    """Validate pyproject.toml and hold its claims against README, changelog, tag and wheel."""

    name = "metadata"
    title = "What the project says of itself is valid, agrees, and renders"
    rules: tuple[str, ...] = (INVALID, README, VERSION, PYTHONS, LICENCE)

    def inputs(self, context: Context) -> str:
        """Digest all files, of which any may be what the README points at, and the tags."""
        files = digest_files(context.project, source_files(context.project))
        return digest_texts([files, *tags_of(context.project), digest_artifacts(context)])

    def check(self, context: Context) -> GateOutput:
        """Judge the project's claims.

        Raises:
            NotApplicable: it has no ``[project]`` table.
        """
        said = Said(context.project, read_pyproject(context.project), tags_of(context.project))
        if not said.head:
            raise NotApplicable("the project has no [project] table to judge")
        wheel = read_wheel(context.artifacts().wheel)
        judged = {name: list(claim(said)) for name, claim in _CLAIMS.items()}
        judged["wheel"] = list(_against_wheel(said, str(wheel.metadata.get("Version"))))
        return GateOutput(
            (Scope("kinds of claim", frozenset({*_CLAIMS, "wheel"}), frozenset(judged)),),
            findings=tuple(one for found in judged.values() for one in found),
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's folder; a file ``TAG`` stands for the commit's tag."""
        return tuple(
            one.outcome(fired=one.rule in {found.rule for found in _judge_folder(one.path)})
            for one in discover(context.policies, self.name)
        )


def judge(said: Said) -> Iterator[Finding]:
    """Yield everything that is invalid or contradicts itself."""
    for claim in _CLAIMS.values():
        yield from claim(said)


def invalid(said: Said) -> Iterator[Finding]:
    """Hold pyproject.toml against its specification, and the classifiers against the index's."""
    try:
        api.Validator()(said.document)
    except errors.ValidationError as error:
        yield wrong(INVALID, str(error.summary).replace("`", ""))
    for one in said.head.get("classifiers", []):
        if one not in known_classifiers and not str(one).startswith("Private ::"):
            yield wrong(INVALID, f"there is no classifier {one}")


def version(said: Said) -> Iterator[Finding]:
    """The version is one, the newest of the changelog, and the commit's tag."""
    claimed = said.head.get("version")
    if claimed is None:
        return  # the build decides; the wheel is compared with the tag
    changelog = said.folder / "CHANGELOG.md"
    if changelog.is_file():
        newest = _HEADING.search(changelog.read_text("utf-8"))
        if newest is None or not _same(newest[1], str(claimed)):
            told = newest[1] if newest else "no version"
            text = f"pyproject.toml says {claimed}, the changelog begins with {told}"
            yield wrong(VERSION, text, "CHANGELOG.md")
    yield from _against_tags(said, str(claimed))


def licence(said: Said) -> Iterator[Finding]:
    """The licence is an SPDX expression, its files are there, and no classifier says otherwise."""
    expression = said.head.get("license")
    if isinstance(expression, str):
        faults = license_expression.get_spdx_licensing().validate(expression).errors
        if faults:
            yield wrong(LICENCE, f"{expression} is no SPDX expression: {faults[0]}")
        for one in said.head.get("classifiers", []):
            if str(one).startswith("License ::"):
                yield wrong(LICENCE, f"{one} stands beside the expression {expression}")
    elif expression is None:
        yield wrong(LICENCE, "license is missing")
    for pattern in said.head.get("license-files", []):
        if not any(said.folder.glob(str(pattern))):
            yield wrong(LICENCE, f"no file is called {pattern}")


_CLAIMS = {
    "pyproject.toml": invalid,
    "README": readme,
    "version": version,
    "Python versions": pythons,
    "licence": licence,
}


def _against_tags(said: Said, claimed: str) -> Iterator[Finding]:
    tagged = [tag for tag in said.tags if tag.startswith("v")]
    if tagged and not any(_same(tag[1:], claimed) for tag in tagged):
        yield wrong(VERSION, f"the commit is tagged {', '.join(tagged)}, the version is {claimed}")


def _against_wheel(said: Said, built: str) -> Iterator[Finding]:
    claimed = said.head.get("version")
    if claimed is None:
        yield from _against_tags(said, built)
    elif not _same(built, str(claimed)):
        yield wrong(VERSION, f"pyproject.toml says {claimed}, the wheel {built}")


def _same(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


def _judge_folder(folder: Path) -> list[Finding]:
    tag = folder / "TAG"
    tags = (tag.read_text("utf-8").strip(),) if tag.is_file() else ()
    return list(judge(Said(folder, read_pyproject(folder), tags)))
