"""One inspection: every text of a message against every rule of its address, within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from arqonbus.casil.inspection import (
    INCOMPLETE,
    VERDICTS,
    Action,
    Budget,
    Finding,
    Incomplete,
    Inspection,
    Verdict,
)
from arqonbus.casil.redact import redacted
from arqonbus.casil.rules import Effort, Rule
from arqonbus.casil.text import undisguised, unwrapped
from arqonbus.casil.walk import Leaf, leaves, pointer

if TYPE_CHECKING:
    from arqonbus.casil.policy import Policy
    from arqonbus.casil.rules import JudgeRule, Selection

# Texts that are made of a message's own (decoded, without disguise) may be so many times as long
# as what may be inspected.
WORK_FACTOR: Final = 4
MAX_FINDINGS: Final = 64
# Parts whose values may be replaced; an id with a mark in it would be none.
REDACTABLE: Final = frozenset({"payload", "metadata"})
_CODES: Final = {0: None, 1: Action.BLOCK, 2: Action.NOTE}


def inspect(
    policy: Policy, selection: Selection, address: tuple[str, str], parts: Mapping[str, object]
) -> Inspection:
    """The outcome for a message to an address of which `selection` holds the rules."""
    work = _Work(policy, selection)
    work.look(parts)
    work.check_payload(parts)
    work.ask_judges(address, parts)
    if not policy.enforces:
        return work.outcome(Verdict.NOTE if work.findings or work.incomplete else Verdict.PASS)
    if work.incomplete:
        return work.outcome(Verdict.BLOCK)
    verdict = max((VERDICTS[one.action] for one in work.findings), default=Verdict.PASS)
    if verdict is not Verdict.REDACT:
        return work.outcome(verdict)
    return _redacting(work, parts)


def _redacting(work: _Work, parts: Mapping[str, object]) -> Inspection:
    """Look again at what would be sent: it must hold nothing any more that was to go."""
    changed = redacted(parts, work.values, work.names)
    again = _Work(work.policy, work.selection)
    again.look({**parts, **changed})
    if again.incomplete or any(one.action is not Action.NOTE for one in again.findings):
        work.incomplete = "what was found could not be taken out"
        return work.outcome(Verdict.BLOCK)
    return work.outcome(Verdict.REDACT, changed)


class _Work:
    """What is known of a message while it is looked at.

    `values` and `names` are the paths that get a mark, and which.
    """

    def __init__(self, policy: Policy, selection: Selection) -> None:
        self.policy = policy
        self.selection = selection
        self.findings: list[Finding] = []
        self.incomplete = ""
        self.values: dict[tuple[str | int, ...], str] = {}
        self.names: dict[tuple[str | int, ...], str] = {}
        self._hidden: set[str] = set()
        self._places: list[tuple[Rule, Leaf, str, str]] = []
        self._effort = Effort(policy.limits.max_bytes)
        self._unpacked = Budget(policy.limits.max_bytes * WORK_FACTOR, "too much is packed into it")
        self._values = Budget(policy.limits.max_values, "too many values")
        self._telling: dict[str, bool] = {}
        self._inspected = self._total = 0

    def look(self, parts: Mapping[str, object]) -> None:
        """Look at every text, until one can't be looked at."""
        try:
            for at in leaves(parts):
                self._values.spend()
                place = at.place if isinstance(at, Leaf) else at
                if place.depth > self.policy.limits.max_depth + 1:
                    raise Incomplete("nested too deeply")  # noqa: TRY301 - as what it calls does
                if isinstance(at, Leaf):
                    self._leaf(at)
        except Incomplete as why:
            self._give_up(str(why))
            # To count the texts would be the work that is spared.
            self._total = len(msgspec.json.encode(parts))
        self._tell()

    def check_payload(self, parts: Mapping[str, object]) -> None:
        """Hold the payload against its schemas."""
        if "payload" not in parts or self.incomplete:
            return
        for rule in self.selection.schemas:
            violation = rule.schema.violation(parts["payload"])
            if violation is not None:
                where = pointer(("payload", *violation.path), frozenset(self._hidden))
                by = f"schema ({violation.keyword})"
                self.findings.append(Finding(rule.id, Action.BLOCK, where, by))

    def ask_judges(self, address: tuple[str, str], parts: Mapping[str, object]) -> None:
        """Hand the message to the policies in WebAssembly."""
        if not self.selection.judges or self.incomplete:
            return
        room, channel = address
        message = msgspec.json.encode({"room": room, "channel": channel, **parts})
        for rule in self.selection.judges:
            self._ask(rule, message)

    def outcome(self, verdict: Verdict, changed: Mapping[str, object] | None = None) -> Inspection:
        """What comes of it."""
        findings = sorted(self.findings, key=lambda one: -VERDICTS[one.action])
        ids = dict.fromkeys(one.rule for one in findings)
        return Inspection(
            verdict,
            tuple(findings[:MAX_FINDINGS]),
            (*ids, INCOMPLETE) if self.incomplete else tuple(ids),
            self.policy.version,
            self._inspected,
            self._total,
            self.incomplete,
            changed or {},
        )

    def _ask(self, rule: JudgeRule, message: bytes) -> None:
        try:
            action = _CODES[rule.judge.inspect(message)]
        except Incomplete as why:
            self._give_up(f"{rule.id} {why}")
            action = Action.BLOCK
        if action is not None:
            if rule.action is Action.NOTE:
                action = Action.NOTE
            self.findings.append(Finding(rule.id, action, "", "wasm"))

    def _give_up(self, why: str) -> None:
        self.incomplete = self.incomplete or why

    def _leaf(self, leaf: Leaf) -> None:
        text = leaf.text
        size = len(text) if text.isascii() else len(text.encode(errors="replace"))
        self._total += size
        if self._total > self.policy.limits.max_bytes:
            raise Incomplete("too large")
        finders: set[str] = set()
        for view in self._views(leaf):
            self._unpacked.spend(len(view))
            if self.selection.may_find(view):
                self._effort.candidates.spend()
                self._judge(leaf, view, finders)
        self._inspected += size

    def _views(self, leaf: Leaf) -> Iterator[str]:
        plain = undisguised(leaf.text)
        yield plain
        if plain != leaf.text:
            yield leaf.text.encode(errors="replace").decode()
        if not leaf.is_name and self._tells(leaf.name):
            yield f"{leaf.name}={plain}"
        for inner in unwrapped(plain):
            yield undisguised(inner)
        yield from self._in_json(plain)

    def _tells(self, name: str) -> bool:
        """Whether a value under this name is judged by it: many may have the same long one."""
        known = self._telling.get(name)
        if known is None:
            known = self._telling[name] = self.selection.names_secret(name)
        return known

    def _in_json(self, text: str) -> Iterator[str]:
        """The texts of a JSON document that was sent as a string."""
        if not text.lstrip().startswith(("{", "[", '"')):
            return
        try:
            value = msgspec.json.decode(text)
        except msgspec.DecodeError:
            return
        except RecursionError:
            raise Incomplete("nested too deeply") from None
        for at in leaves({"": value}):
            self._values.spend()
            if isinstance(at, Leaf):
                plain = undisguised(at.text)
                yield plain
                if not at.is_name and self._tells(at.name):
                    yield f"{at.name}={plain}"

    def _judge(self, leaf: Leaf, view: str, finders: set[str]) -> None:
        for rule in self.selection.rules:
            found = None if rule.id in finders else rule.find(view, self._effort)
            if found is not None:
                by, sample = found
                finders.add(rule.id)
                self._places.append((rule, leaf, by, sample if rule.shown_in_logs else rule.mark))
                if leaf.is_name:
                    self._hidden.add(leaf.text)

    def _tell(self) -> None:
        """Findings from places; only now is it known which names must not be told."""
        hidden = frozenset(self._hidden)
        for rule, leaf, by, sample in self._places:
            path = leaf.place.path()
            action = rule.action
            if action is Action.REDACT and path[0] not in REDACTABLE:
                action = Action.BLOCK
            elif action is Action.REDACT:
                (self.names if leaf.is_name else self.values).setdefault(path, rule.mark)
            shown = path[:-1] if leaf.is_name else path
            self.findings.append(Finding(rule.id, action, pointer(shown, hidden), by, sample))
