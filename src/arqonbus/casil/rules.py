"""Rules as they work: a policy's tables, compiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from arqonbus.casil.detectors import BY_NAME, KNOWN, SECRET_NAME, Detector
from arqonbus.casil.inspection import Action, Budget
from arqonbus.casil.linear import NOTHING, Pattern, any_of, word
from arqonbus.casil.text import undisguised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arqonbus.casil.document import RuleTable
    from arqonbus.casil.schemas import Schema

# What looks like a find costs ten times as much as other texts, whether or not it is one.
MAX_CANDIDATES: Final = 1000
# Detectors read each suspect text one by one, so many times what may be inspected at the default.
PROBED_FACTOR: Final = 32
_LEAST_PROBED: Final = 256 * 1024
# What it costs to run a detector at all is the same as for so many bytes.
_PROBE_COST: Final = 256
PATTERN: Final = "pattern"
DENY: Final = "deny"


@dataclass(frozen=True, slots=True)
class Probe:
    """A detector's compiled pattern."""

    detector: Detector
    pattern: Pattern


class Effort:
    """What one message may cost beyond one look at each of its texts."""

    def __init__(self, max_bytes: int) -> None:
        most = PROBED_FACTOR * max(max_bytes, _LEAST_PROBED)
        self.candidates = Budget(MAX_CANDIDATES, "too many texts that look like finds")
        self.probed = Budget(most, "too many rules have to look at it closely")


class Rule:
    """One rule on content."""

    def __init__(self, table: RuleTable) -> None:
        self.id = table.id
        self.action = table.action
        self.mark = f"[redacted:{table.id}]"
        self.shown_in_logs = "logs" not in table.redact_in
        if table.action is Action.REDACT and "transport" not in table.redact_in:
            self.action = Action.NOTE
        detectors = tuple(dict.fromkeys(_detectors(table)))
        self.names = frozenset(each.name for each in detectors)
        words = [undisguised(text) for text in table.deny]
        # What any of its detectors finds; many words as one pattern take no longer than one word.
        self.forms = [each.pattern for each in detectors if each.name != DENY]
        self.forms += [word(words)] if words else []
        self._probes = tuple(_probe(each) for each in detectors)
        self._fine = frozenset(undisguised(text) for text in table.allow)
        self._fine_patterns = tuple(Pattern(text) for text in table.allow_patterns)

    def find(self, text: str, effort: Effort) -> tuple[str, str] | None:
        """The first find in a text that is not allowed: the detector's name, and what it is.

        Raises:
            Incomplete: it costs more than `effort` has left.
        """
        for probe in self._probes:
            effort.probed.spend(max(len(text), _PROBE_COST))
            for found in self._candidates(probe, text, effort):
                if not self._is_fine(found):
                    return probe.detector.name, found
        return None

    @staticmethod
    def _candidates(probe: Probe, text: str, effort: Effort) -> Iterator[str]:
        check = probe.detector.check
        for found in probe.pattern.matches(text):
            effort.candidates.spend()
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
    words = [undisguised(text) for text in table.deny]
    if table.allow or table.allow_patterns:
        # Each by itself: an allowed find must not hide another that begins where it does.
        yield from (Detector(DENY, word([text])) for text in words)
    elif words:
        yield Detector(DENY, word(words))


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
        forms = list(dict.fromkeys(form for rule in rules for form in rule.forms))
        self._any = any_of(forms) if forms else NOTHING
        self._secret_name = (
            Pattern(SECRET_NAME, captures=False)
            if any(BY_NAME in rule.names for rule in rules)
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
