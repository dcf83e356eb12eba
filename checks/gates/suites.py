"""The gate `suites`: every test suite ran on this very tree, and its tests notice faults.

Running the suites takes minutes, so this gate does not: ``scripts/test`` leaves evidence of each
run in ``.work/evidence``, and the gate judges what is about exactly these files. Whether tests
assert anything at all is tried here: small faults are laid into the modules on which security
rests, and their tests must fail.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.build import source_files
from checks.inventory import TESTS
from checks.kept import digest_files, digest_texts
from checks.manifest import read_pyproject
from checks.model import GateOutput, Mode, NotApplicable, NotEvaluated, Scope
from checks.specimens import digest, discover
from checks.suites import evidence as ev
from checks.suites import judgement, mutation, policy
from checks.suites.examples import fired
from checks.suites.mutation import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from checks.context import Context
    from checks.model import SpecimenOutcome
    from checks.suites.evidence import Evidence
    from checks.suites.policy import SuitesPolicy

_HOW = "run scripts/test"
_CLASSIFIER = "Programming Language :: Python :: "
_TIGHT = 0.8  # of the tests that there are, a policy should demand at least this share


@dataclass(frozen=True, slots=True)
class _Found:
    """The evidence about this tree, and what is to be said about the rest."""

    about_this: tuple[Evidence, ...]
    warnings: tuple[str, ...]


class SuitesGate:
    """Judge the evidence, and lay faults into what the tests guard."""

    name = "suites"
    title = "All test suites ran on this tree, whole, and their tests notice faults"
    rules = (*judgement.RULES, mutation.RULE)

    def check(self, context: Context) -> GateOutput:
        """Judge every run of the suites over this tree, and the tests by a sample of mutants.

        Raises:
            NotApplicable: another project without a policy for its suites.
            NotEvaluated: there is no evidence about this tree, or in strict mode not of each
                supported Python.
            CouldNotRun: evidence can't be read, or the tests fail without a fault.
        """
        demands = policy.read_policy(context.settings_file(policy.FILE))
        names = source_files(context.project)
        found = _evidence(context, digest_files(context.project, names))
        files = judgement.test_files(names, demands.root)
        findings = [one for run in found.about_this for one in judgement.judge(run, demands, files)]
        missing = _pythons_missing(context.project, found.about_this)
        if missing and context.mode is Mode.STRICT and not findings:
            raise NotEvaluated(
                f"no evidence about this tree on Python {', '.join(missing)}: {_HOW}"
            )
        sample = _sample(context)
        return GateOutput(
            scopes=(*_scopes(found.about_this, demands, files), *sample.scopes),
            findings=(*findings, *sample.findings),
            notes=(*(_note(one, demands) for one in found.about_this), *sample.notes),
            warnings=(
                *found.warnings,
                *(f"no evidence about this tree on Python {one}" for one in missing),
                *_rusty(found.about_this, demands),
            ),
            attempts=sample.attempts,
        )

    def inputs(self, context: Context) -> str:
        """Digest the whole tree, of which the evidence must speak, and the evidence."""
        tree = digest_files(context.project, source_files(context.project))
        return digest_texts(
            [tree, *(f"{name} {digest(file)}" for name, file in _files(context).items())]
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen: evidence of a run, or a small project with its tests."""
        context.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=context.work, prefix="suites-") as work:
            return tuple(
                one.outcome(fired=one.rule in fired(one, Path(work)))
                for one in discover(context.policies, self.name)
            )


def _files(context: Context) -> dict[str, Path]:
    """Return the files of evidence; those of several machines lie in folders of their own."""
    folder = context.project / ev.FOLDER
    return {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*.json"))}


def _evidence(context: Context, tree: str) -> _Found:
    """Read all evidence, and take that which is about the tree as it is now."""
    every = {name: ev.read(file) for name, file in _files(context).items()}
    if not every:
        raise NotEvaluated(f"no run of the test suites has left evidence: {_HOW}")
    fits = {name: {one.tree.began, one.tree.ended} == {tree} for name, one in every.items()}
    if not any(fits.values()):
        raise NotEvaluated(f"the evidence of the test suites is about another tree: {_HOW}")
    return _Found(
        tuple(one for name, one in every.items() if fits[name]),
        tuple(f"{name} is about another tree: {_HOW}" for name in every if not fits[name]),
    )


def _pythons_missing(project: Path, found: Iterable[Evidence]) -> list[str]:
    """Return the Pythons that the project says it supports, and on which nothing ran."""
    table: Any = read_pyproject(project).get("project", {})  # Any: TOML
    supported = [
        str(one).removeprefix(_CLASSIFIER)
        for one in table.get("classifiers", ())
        if str(one).startswith(_CLASSIFIER) and "." in str(one).removeprefix(_CLASSIFIER)
    ]
    ran = {one.python.rpartition(".")[0] for one in found}
    return [one for one in supported if one not in ran]


def _scopes(
    found: Sequence[Evidence], demands: SuitesPolicy, files: frozenset[str]
) -> tuple[Scope, ...]:
    """Say of every test whether it ran wherever it was collected, and of every test file."""
    collected = frozenset(name for one in found for name in one.collected)
    left = frozenset(
        name for one in found for name in frozenset(one.collected) - judgement.ran(one)
    )
    skipped = {name: why for one in found for name, why in judgement.excused(one, demands).items()}
    return (
        Scope(TESTS, collected, collected - left, skipped),
        Scope("test files", files, files & judgement.files_of(collected), demands.elsewhere(files)),
    )


def _rusty(found: Iterable[Evidence], demands: SuitesPolicy) -> Iterator[str]:
    """Tell where so many more tests ran than are demanded that many could get lost unseen."""
    for run in found:
        counts = judgement.counts(run, demands)
        for suite, least in demands.least.items():
            if least < _TIGHT * counts[suite]:
                yield f"the suite {suite} has {counts[suite]} tests, {policy.FILE} demands {least}"


def _note(run: Evidence, demands: SuitesPolicy) -> str:
    counts = judgement.counts(run, demands)
    suites = ", ".join(f"{counts[one]} {one}" for one in demands.least)
    where = f"Python {run.python} on {run.platform}, commit {run.tree.commit or 'none'}"
    return f"{where}: {suites} tests in {run.duration:g} s, begun {run.started}"


def _sample(context: Context) -> Sample:
    """Lay faults into the modules that the policy names; another project need not name any."""
    try:
        file = context.settings_file(mutation.FILE)
    except NotApplicable:
        if context.own:
            raise
        return Sample(notes=("no policy says which modules' tests must notice faults",))
    context.work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=context.work, prefix="mutants-") as work:
        return mutation.take_sample(context.project, Path(work), file)
