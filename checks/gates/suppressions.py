"""The gate `suppressions`: requests to look away are few, explained, and become fewer.

``policies/suppressions.toml`` records how many of each kind there are. More is a finding, and so is
fewer: the record is then lowered, and the count can never rise again.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from checks import suppressed, suppressed_rust
from checks.kept import digest_files, digest_texts
from checks.manifest import read_pyproject
from checks.model import CouldNotRun, Finding, GateOutput, Location, Scope
from checks.policyfile import Text, read_policy, refuse
from checks.rules.source import parse
from checks.softened import Beside, hides_all, in_settings, look_beside
from checks.specimens import digest, discover
from checks.suppressed import Suppression, in_python
from checks.suppressed_rust import in_rust

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome

NO_REASON = "suppressions.no-reason"
BLANKET = "suppressions.blanket"
GREW = "suppressions.grew"
STALE = "suppressions.stale-record"
BANNED = "suppressions.banned"

POLICY = "suppressions.toml"
_SHOWN = 5
_IN_CODE = suppressed.KINDS | suppressed_rust.KINDS
_IN_SETTINGS = in_settings({}).keys() | Beside().by_kind.keys()
_REMEDIATION = {
    NO_REASON: "Write why on the same line, or mend what the tool found.",
    BLANKET: "Name the code that is meant, so that nothing else is hidden with it.",
    GREW: "Mend what the tool found; the count may only fall.",
    BANNED: f"Mend what the tool found; policies/{POLICY} allows no request of this kind.",
    STALE: f"Lower the count in policies/{POLICY}, so that it can't rise again.",
}


class Demands(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the policy asks: `most` by kind (None: nothing is recorded yet), and reasons or not.

    A kind that is `banned` is a finding wherever it stands, whatever its reason.
    """

    schema: Literal[1]
    reason_required: bool
    banned: tuple[Text, ...] = ()
    most: dict[str, Annotated[int, msgspec.Meta(ge=0)]] | None = None


class SuppressionsGate:
    """Count what shipped code asks the tools to pass over, and read the reasons."""

    name = "suppressions"
    title = "Few requests to look away, each with a reason, and never more"
    rules: tuple[str, ...] = (NO_REASON, BLANKET, BANNED, GREW, STALE)

    def inputs(self, context: Context) -> str:
        """Digest all shipped code, the project's settings, what is beside them, and the record."""
        code = context.manifest.python | context.manifest.rust | {"pyproject.toml"}
        file = context.settings_file(POLICY)
        beside = _beside(context, read_demands(file))
        digests = [digest_files(context.project, code), digest(file)]
        return digest_texts([*digests, repr(beside.by_kind)])

    def check(self, context: Context) -> GateOutput:
        """Judge all shipped Python and Rust files, and the tools' settings.

        Raises:
            CouldNotRun: a file can't be read, or ruff refuses its settings.
        """
        demands = read_demands(context.settings_file(POLICY))
        files = context.manifest.python | context.manifest.rust
        found = {path: list(_of_file(context.project, path)) for path in sorted(files)}
        beside = _beside(context, demands)
        pyproject = read_pyproject(context.project)
        counts = _counts(found.values(), pyproject, beside)
        return GateOutput(
            (Scope("files", files, frozenset(found)),),
            findings=(*judge(found, counts, demands, beside), *_in_settings(pyproject)),
            tools=(beside.run,) if beside.run else (),
            notes=(_told(counts),),
        )

    def specimens(self, context: Context) -> tuple[SpecimenOutcome, ...]:
        """Judge each specimen's folder by the policy in it."""
        return tuple(
            one.outcome(fired=any(f.rule == one.rule for f in _judge_folder(one.path)))
            for one in discover(context.policies, self.name)
        )


def read_demands(path: Path) -> Demands:
    """Read a policy file.

    Raises:
        PolicyError: it is missing, malformed, or says something unknown.
    """
    demands = read_policy(path, Demands)
    recorded = (demands.most or {}).keys()
    unknown = sorted({*demands.banned, *recorded} - _IN_CODE - _IN_SETTINGS)
    both = sorted(recorded & set(demands.banned))
    problems = [f"there is no kind {one}" for one in unknown]
    refuse(POLICY, [*problems, *(f"{one} is banned and counted" for one in both)])
    return demands


def judge(
    found: Mapping[str, Iterable[Suppression]],
    counts: Counter[str],
    demands: Demands,
    beside: Beside,
) -> Iterator[Finding]:
    """Yield what is blanket, unexplained, or not as recorded."""
    for path, suppressions in found.items():
        for one in suppressions:
            if one.blanket:
                yield _finding(BLANKET, path, one, "names no code, so it hides everything")
            if demands.reason_required and not one.explained:
                yield _finding(NO_REASON, path, one, "says not why")
            if one.kind in demands.banned:
                yield _finding(BANNED, path, one, "is banned")
    for kind in demands.banned:
        if kind in _IN_SETTINGS and counts[kind]:
            text = f"{kind} are banned{_listed(beside.by_kind.get(kind, ()))}"
            yield _of_settings(BANNED, kind, text)
    if demands.most is not None:
        yield from _against_record(counts, demands.most, beside.by_kind)


def _against_record(
    counts: Counter[str], most: Mapping[str, int], named: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    for kind in sorted({*counts, *most}):
        now, recorded = counts[kind], most.get(kind, 0)
        if now != recorded:
            rule = GREW if now > recorded else STALE
            yield Finding(
                rule,
                f"{now} of {kind}, recorded are {recorded}{_listed(named.get(kind, ()))}",
                Location(f"policies/{POLICY}"),
                snippet=f"{kind}: {now}, recorded {recorded}",
                context=kind,
                remediation=_REMEDIATION[rule],
            )


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _SHOWN else ""
    return f": {', '.join(names[:_SHOWN])}{more}" if names else ""


def _finding(rule: str, path: str, one: Suppression, what: str) -> Finding:
    return Finding(
        rule,
        f"{one.kind} {what}",
        Location(path, one.line),
        snippet=one.text,
        context=one.kind,
        remediation=_REMEDIATION[rule],
    )


def _in_settings(pyproject: Mapping[str, object]) -> Iterator[Finding]:
    for kind, text in hides_all(pyproject):
        yield _of_settings(BLANKET, kind, f"{text}: it hides everything")


def _of_settings(rule: str, kind: str, text: str) -> Finding:
    place = Location("pyproject.toml")
    return Finding(rule, text, place, text, context=kind, remediation=_REMEDIATION[rule])


def _of_file(project: Path, path: str) -> Iterator[Suppression]:
    try:
        text = (project / path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotRun(f"{path} can't be read: {error}") from error
    if path.endswith(".rs"):
        return in_rust(text)
    # What Python can't parse is a finding of the gate `static`; here it holds no suppression.
    return iter(()) if isinstance(parse(project / path, path), Finding) else in_python(text, path)


def _beside(context: Context, demands: Demands) -> Beside:
    """Look beside pyproject.toml where the policy says something of what is found there."""
    if demands.most is None and not demands.banned:
        return Beside()
    pyproject = read_pyproject(context.project)
    return look_beside(context.project, context.manifest.python, pyproject)


def _counts(
    found: Iterable[Iterable[Suppression]], pyproject: Mapping[str, object], beside: Beside
) -> Counter[str]:
    counts = Counter(one.kind for suppressions in found for one in suppressions)
    named = {kind: len(names) for kind, names in beside.by_kind.items()}
    counts.update(
        {kind: count for kind, count in (in_settings(pyproject) | named).items() if count}
    )
    return counts


def _told(counts: Counter[str]) -> str:
    return "; ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none at all"


def _judge_folder(folder: Path) -> list[Finding]:
    """Judge a specimen: code, a policy and perhaps a pyproject.toml, side by side."""
    code = sorted(p.name for p in folder.iterdir() if p.suffix in {".py", ".rs"})
    found = {name: list(_of_file(folder, name)) for name in code}
    settings = folder / "pyproject.toml"
    document = tomllib.loads(settings.read_text("utf-8")) if settings.is_file() else {}
    beside = look_beside(folder, [one for one in code if one.endswith(".py")], document)
    counts = _counts(found.values(), document, beside)
    judged = judge(found, counts, read_demands(folder / POLICY), beside)
    return [*judged, *_in_settings(document)]
