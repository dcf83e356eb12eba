"""The gate `suppressions`: requests to look away are few, explained, and become fewer.

``policies/suppressions.toml`` records how many of each kind there are. More is a finding, and so is
fewer: the record is then lowered, and the count can never rise again.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from checks import suppressed, suppressed_rust, suppressed_settings
from checks.kept import digest_files, digest_texts
from checks.model import CouldNotRun, Finding, GateOutput, Location, Scope
from checks.policyfile import Text, read_policy, refuse
from checks.rules.source import parse
from checks.specimens import digest, discover
from checks.suppressed import Suppression, in_python
from checks.suppressed_rust import in_rust
from checks.suppressed_settings import FILES, Settings, hides_all, in_settings, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from checks.context import Context
    from checks.model import SpecimenOutcome

NO_REASON = "suppressions.no-reason"
BLANKET = "suppressions.blanket"
GREW = "suppressions.grew"
STALE = "suppressions.stale-record"
BANNED = "suppressions.banned"

POLICY = "suppressions.toml"
_KINDS = suppressed.KINDS | suppressed_rust.KINDS | suppressed_settings.KINDS
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
        """Digest all shipped code, the project's settings and the record."""
        code = context.manifest.python | context.manifest.rust | set(FILES)
        record = digest(context.settings_file(POLICY))
        return digest_texts([digest_files(context.project, code), record])

    def check(self, context: Context) -> GateOutput:
        """Judge all shipped Python and Rust files, and the tools' settings.

        Raises:
            CouldNotRun: a file can't be read.
        """
        demands = read_demands(context.settings_file(POLICY))
        files = context.manifest.python | context.manifest.rust
        found = {path: list(_of_file(context.project, path)) for path in sorted(files)}
        settings = read_settings(context.project)
        counts = _counts(found.values(), settings)
        return GateOutput(
            (Scope("files", files, frozenset(found)),),
            findings=(*judge(found, counts, demands), *_in_settings(settings, demands)),
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
    kinds = {*demands.banned, *(demands.most or {})}
    problems = [f"there is no kind {one}" for one in sorted(kinds - _KINDS)]
    both = sorted(set(demands.banned) & (demands.most or {}).keys())
    refuse(POLICY, [*problems, *(f"{one} is banned and counted" for one in both)])
    return demands


def judge(
    found: Mapping[str, Iterable[Suppression]], counts: Counter[str], demands: Demands
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
    if demands.most is not None:
        yield from _against_record(counts, demands.most)


def _against_record(counts: Counter[str], most: Mapping[str, int]) -> Iterator[Finding]:
    for kind in sorted({*counts, *most}):
        now, recorded = counts[kind], most.get(kind, 0)
        if now != recorded:
            rule = GREW if now > recorded else STALE
            yield Finding(
                rule,
                f"{now} of {kind}, recorded are {recorded}",
                Location(f"policies/{POLICY}"),
                snippet=f"{kind}: {now}, recorded {recorded}",
                context=kind,
                remediation=_REMEDIATION[rule],
            )


def _finding(rule: str, path: str, one: Suppression, what: str) -> Finding:
    return Finding(
        rule,
        f"{one.kind} {what}",
        Location(path, one.line),
        snippet=one.text,
        context=one.kind,
        remediation=_REMEDIATION[rule],
    )


def _in_settings(settings: Mapping[str, Settings], demands: Demands) -> Iterator[Finding]:
    for path, table in settings.items():
        counts = in_settings(table)
        told = [(BLANKET, kind, f"{text}: it hides everything") for kind, text in hides_all(table)]
        told += [(BANNED, one, f"{one} are banned") for one in demands.banned if counts.get(one)]
        for rule, kind, text in told:
            yield Finding(
                rule,
                text,
                Location(path),
                snippet=text,
                context=kind,
                remediation=_REMEDIATION[rule],
            )


def _of_file(project: Path, path: str) -> Iterator[Suppression]:
    try:
        text = (project / path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CouldNotRun(f"{path} can't be read: {error}") from error
    if path.endswith(".rs"):
        return in_rust(text)
    # What Python can't parse is a finding of the gate `static`; here it holds no suppression.
    return iter(()) if isinstance(parse(project / path, path), Finding) else in_python(text, path)


def _counts(
    found: Iterable[Iterable[Suppression]], settings: Mapping[str, Settings]
) -> Counter[str]:
    counts = Counter(one.kind for suppressions in found for one in suppressions)
    for table in settings.values():
        counts.update({kind: count for kind, count in in_settings(table).items() if count})
    return counts


def _told(counts: Counter[str]) -> str:
    return "; ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none at all"


def _judge_folder(folder: Path) -> list[Finding]:
    """Judge a specimen: code, a policy and perhaps settings, side by side."""
    code = sorted(p.name for p in folder.iterdir() if p.suffix in {".py", ".rs"})
    found = {name: list(_of_file(folder, name)) for name in code}
    settings = read_settings(folder)
    demands = read_demands(folder / POLICY)
    judged = judge(found, _counts(found.values(), settings), demands)
    return [*judged, *_in_settings(settings, demands)]
