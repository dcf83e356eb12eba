"""The gate `static`: what is shipped hides no failure, opens no door and is the real thing.

semgrep applies the rules in policies/semgrep, once to the shipped files and once to all specimens;
rules of our own walk the syntax trees for what patterns can't say. semgrep is content with a file
whose syntax is broken, so each Python file is parsed first: an unreadable one is a finding.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checks.kept import digest_files
from checks.model import CouldNotRun, Finding, GateOutput, Location, Scope
from checks.rules import fallback, late_ability, receipts, rust, swallowed, unwritten, went_on
from checks.rules.handlers import survey
from checks.rules.semgrep import Match, Scan, rule_files, rules_of, scan
from checks.rules.source import SYNTAX_ERROR, Source, lines_of, parse
from checks.specimens import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome
    from checks.specimens import Specimen

_OWN_RULES = (
    SYNTAX_ERROR,
    swallowed.RULE,
    swallowed.UNTRACED,
    swallowed.UNCOUNTED,
    unwritten.RULE,
    fallback.RULE,
    went_on.RULE,
    receipts.RULE,
    late_ability.RULE,
)
_SEMGREP_RULES = (
    "static.jwt-verification-off",
    "static.jwt-none-algorithm",
    "static.secret-fallback",
    "static.validation-toggle",
    "static.fixed-bind",
    "static.mock-marker",
    "static.todo-marker",
    "static.store-durability-off",
    "static.rust-jwt-validation-off",
    "static.rust-secret-fallback",
    "static.rust-fixed-bind",
    "static.rust-mock-marker",
    "static.rust-swallowed-error",
    "static.rust-store-failed-went-on",
)
# What this house demands of itself; another project may well be sound without it.
HOUSE_RULES = frozenset({swallowed.UNTRACED, swallowed.UNCOUNTED, "static.todo-marker"})
_PYTHON = (".py", ".pyi")
_NOT_OF_THIS_HOUSE = (
    "rules of the checks' own house are not applied to other projects: "
    + ", ".join(sorted(HOUSE_RULES))
)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """Files of one tree: those that Python can read, those it can't, and those of other kinds."""

    sources: Mapping[str, Source]
    unreadable: tuple[Finding, ...]
    others: tuple[str, ...]

    @property
    def readable(self) -> list[str]:
        return sorted([*self.sources, *self.others])

    @property
    def looked_at(self) -> frozenset[str]:
        return frozenset(one.location.path for one in self.unreadable if one.location)


class StaticGate:
    """Read the shipped code, and show on specimens that each rule bites."""

    name = "static"
    title = "Shipped code hides no failure, opens no door and is the real thing"
    rules: tuple[str, ...] = (*_OWN_RULES, *_SEMGREP_RULES)

    def check(self, context: Context) -> GateOutput:
        """Judge all shipped Python files and all Rust files.

        Raises:
            CouldNotRun: semgrep erred or skipped, or the rules are not those that are promised.
        """
        configs = rule_files(context.policies / "semgrep")
        if odd := rules_of(configs) ^ set(_SEMGREP_RULES):
            raise CouldNotRun(f"policies/semgrep and the gate differ in {', '.join(sorted(odd))}")
        expected = context.manifest.python | context.manifest.rust
        if not expected:
            raise CouldNotRun("there is no code to look at")
        context.work.mkdir(parents=True, exist_ok=True)
        settings = context.work / "semgrep-settings.yml"
        parsed = _parse(context.project, sorted(expected))
        shipped = _scan(context.project, parsed.readable, configs, settings)
        found = [*_own(parsed), *_matches(context.project, parsed, shipped)]
        scanned = parsed.looked_at | (shipped.scanned if shipped else frozenset())
        return GateOutput(
            scopes=(Scope("files", expected=expected, scanned=scanned),),
            findings=_sorted(one for one in found if context.own or one.rule not in HOUSE_RULES),
            tools=(shipped.run,) if shipped else (),
            notes=() if context.own else (_NOT_OF_THIS_HOUSE,),
        )

    def inputs(self, context: Context) -> str:
        """Digest all code that is shipped."""
        return digest_files(context.project, context.manifest.python | context.manifest.rust)

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Scan all specimens at once."""
        context.work.mkdir(parents=True, exist_ok=True)
        configs = rule_files(context.policies / "semgrep")
        return _judge_specimens(context, configs, context.work / "semgrep-settings-specimens.yml")


def _scan(root: Path, files: Sequence[str], configs: Sequence[Path], settings: Path) -> Scan | None:
    """Scan the files, if there are any: without a name semgrep would take the whole folder."""
    return scan(root, files, configs, settings=settings) if files else None


def _parse(root: Path, files: Iterable[str]) -> _Parsed:
    sources: dict[str, Source] = {}
    unreadable, others = [], []
    for path in files:
        if not path.endswith(_PYTHON):
            others.append(path)
            continue
        result = parse(root / path, path)
        if isinstance(result, Finding):
            unreadable.append(result)
        else:
            sources[path] = result
    return _Parsed(sources, tuple(unreadable), tuple(others))


def _own(parsed: _Parsed) -> Iterator[Finding]:
    """Apply our own rules; helpers that log are looked for in the whole tree."""
    yield from parsed.unreadable
    project = survey(parsed.sources.values())
    bases = unwritten.extended(parsed.sources.values())
    for source in parsed.sources.values():
        yield from swallowed.swallowed(source, project)
        yield from unwritten.unwritten(source, bases)
        yield from fallback.fallbacks(source)
        yield from went_on.went_on(source)
        yield from receipts.early_receipts(source)
        yield from late_ability.late_abilities(source)


def _matches(root: Path, parsed: _Parsed, result: Scan | None) -> Iterator[Finding]:
    """Turn matches into findings, one for each rule and line however many patterns matched."""
    seen: set[tuple[str, str, int]] = set()
    for match in result.matches if result else ():
        key = (match.rule, match.path, match.line)
        if key not in seen:
            seen.add(key)
            yield _finding(root, parsed, match)


def _finding(root: Path, parsed: _Parsed, match: Match) -> Finding:
    source = parsed.sources.get(match.path)
    if source is not None:
        return source.finding(match.rule, match.line, match.message, match.remediation)
    text = (root / match.path).read_text("utf-8", errors="replace")
    return Finding(
        match.rule,
        match.message,
        Location(match.path, match.line),
        snippet=lines_of(text)[match.line - 1].strip(),
        context=rust.enclosing(text, match.line),
        remediation=match.remediation,
    )


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    def place(one: Finding) -> tuple[str, int, str]:
        where = one.location or Location("")
        return where.path, where.line or 0, one.rule

    return tuple(sorted(findings, key=place))


def _judge_specimens(
    context: Context, configs: Sequence[Path], settings: Path
) -> tuple[SpecimenOutcome, ...]:
    """Copy all specimens under a folder whose name means nothing to a tool, and scan them once."""
    root = context.work / "examples"
    shutil.rmtree(root, ignore_errors=True)
    specimens = discover(context.policies, StaticGate.name)
    placed = {one.name: _place(one, root) for one in specimens}
    parsed = {name: _parse(root, files) for name, files in placed.items()}
    readable = [path for one in parsed.values() for path in one.readable]
    result = _scan(root, readable, configs, settings)
    if missed := set(readable) - (result.scanned if result else set()):
        raise CouldNotRun(f"semgrep left out specimens: {', '.join(sorted(missed))}")
    return tuple(_outcome(one, parsed[one.name], result) for one in specimens)


def _place(specimen: Specimen, root: Path) -> list[str]:
    """Copy a specimen, a file or a folder of files, and return what to look at."""
    target = root / specimen.rule.rpartition(".")[2] / specimen.path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if specimen.path.is_dir():
        shutil.copytree(specimen.path, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(specimen.path, target)
    found = [target] if target.is_file() else sorted(p for p in target.rglob("*") if p.is_file())
    return [one.relative_to(root).as_posix() for one in found]


def _outcome(specimen: Specimen, parsed: _Parsed, result: Scan | None) -> SpecimenOutcome:
    own = {one.rule for one in _own(parsed)}
    paths = set(parsed.readable)
    matched = {one.rule for one in (result.matches if result else ()) if one.path in paths}
    return specimen.outcome(fired=specimen.rule in own | matched)
