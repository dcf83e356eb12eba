"""Rules as they work: a policy's tables, compiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from arqonbus.casil.detectors import BY_NAME, KNOWN, SECRET_NAME, Detector
from arqonbus.casil.inspection import Action, Incomplete
from arqonbus.casil.linear import Pattern, any_of, word
from arqonbus.casil.text import undisguised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arqonbus.casil.document import RuleTable
    from arqonbus.casil.schemas import Schema

# Candidates of one detector in one text that may turn out to be none before it is given up.
MAX_CANDIDATES: Final = 1000
PATTERN: Final = "pattern"


@dataclass(frozen=True, slots=True)
class Probe:
    """A detector's compiled pattern."""

    detector: Detector
    pattern: Pattern


class Rule:
    """One rule on content."""

    def __init__(self, table: RuleTable) -> None:
        self.id = table.id
        self.action = table.action
        self.mark = f"[redacted:{table.id}]"
        self.shown_in_logs = "logs" not in table.redact_in
        if table.action is Action.REDACT and "transport" not in table.redact_in:
            self.action = Action.NOTE
        self.detectors = tuple(dict.fromkeys(_detectors(table)))
        self._probes = tuple(_probe(each) for each in self.detectors)
        self._fine = frozenset(undisguised(text) for text in table.allow)
        self._fine_patterns = tuple(Pattern(text) for text in table.allow_patterns)

    def find(self, text: str) -> tuple[str, str] | None:
        """The first find in a text that is not allowed: the detector's name, and what it is.

        Raises:
            Incomplete: there are too many candidates to judge.
        """
        for probe in self._probes:
            for found in self._candidates(probe, text):
                if not self._is_fine(found):
                    return probe.detector.name, found
        return None

    def _candidates(self, probe: Probe, text: str) -> Iterator[str]:
        check = probe.detector.check
        for number, found in enumerate(probe.pattern.matches(text)):
            if number >= MAX_CANDIDATES:
                raise Incomplete("too many candidates")
            if check is None or check(found):
                yield found

    def _is_fine(self, found: str) -> bool:
        return found in self._fine or any(each.whole(found) for each in self._fine_patterns)


def _probe(detector: Detector) -> Probe:
    # An operator's groups are for the pattern's sake: what it finds is all that it matches.
    return Probe(detector, Pattern(detector.pattern, captures=detector.name != PATTERN))


def _detectors(table: RuleTable) -> Iterator[Detector]:
    for name in table.detect:
        yield from KNOWN[name]
    for pattern in table.patterns:
        yield Detector(PATTERN, pattern)
    for text in table.deny:
        yield Detector("deny", word(undisguised(text)))


@dataclass(frozen=True, slots=True)
class SchemaRule:
    """A JSON Schema for payloads."""

    id: str
    schema: Schema


class Judge(Protocol):
    """What a policy in WebAssembly does, whether or not its extra is installed."""

    def inspect(self, message: bytes) -> int:
        """The verdict: 0 pass, 1 block, 2 note.

        Raises:
            Incomplete: there is none.
        """
        ...

    def close(self) -> None:
        """It is not asked any more."""
        ...


@dataclass(frozen=True, slots=True)
class JudgeRule:
    """A policy in WebAssembly, and what becomes of a message that it blocks."""

    id: str
    action: Action
    judge: Judge


class Selection:
    """The rules that are for one address."""

    def __init__(
        self,
        rules: Sequence[Rule],
        schemas: Sequence[SchemaRule],
        judges: Sequence[JudgeRule],
    ) -> None:
        self.rules = rules
        self.schemas = schemas
        self.judges = judges
        used = dict.fromkeys(each for rule in rules for each in rule.detectors)
        self._any = any_of([each.pattern for each in used])
        self._secret_name = (
            Pattern(SECRET_NAME, captures=False)
            if any(each.name == BY_NAME for each in used)
            else None
        )

    def __bool__(self) -> bool:
        return bool(self.rules or self.schemas or self.judges)

    def may_find(self, text: str) -> bool:
        """Whether any rule could find something: one look for all of them."""
        return self._any is None or self._any.found(text)

    def names_secret(self, name: str) -> bool:
        """Whether a value under this name is judged by it."""
        return self._secret_name is not None and self._secret_name.found(name)
