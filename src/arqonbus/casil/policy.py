"""A policy, read and compiled as a whole or not at all."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from arqonbus.casil.document import (
    MIB,
    Document,
    PolicyProblem,
    RuleTable,
    SchemaTable,
    Scoped,
    WasmTable,
    read,
)
from arqonbus.casil.inspection import Action
from arqonbus.casil.linear import Pattern, names
from arqonbus.casil.rules import Effort, Judge, JudgeRule, Rule, SchemaRule, Selection
from arqonbus.casil.schemas import MAX_SCHEMA_BYTES, Schema, SchemaError

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_POLICY_BYTES: Final = MIB
MAX_MODULE_BYTES: Final = 16 * MIB
VERSION_CHARS: Final = 12

Kind = TypeVar("Kind", Rule, SchemaRule, JudgeRule)


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds one inspection."""

    max_bytes: int
    max_values: int
    max_depth: int


@dataclass(frozen=True, slots=True)
class _Scope:
    """The addresses that a rule is for."""

    rooms: Pattern
    channels: Pattern

    def holds(self, room: str, channel: str) -> bool:
        return self.rooms.whole(room) and self.channels.whole(channel)


class Policy:
    """All rules of one version of the policy."""

    def __init__(
        self,
        document: Document,
        version: str,
        schemas: Sequence[SchemaRule],
        judges: Sequence[JudgeRule],
    ) -> None:
        self.version = version
        self.enforces = document.mode == "enforce"
        self.receipts = document.receipts
        self.limits = Limits(document.max_bytes, document.max_values, document.max_depth)
        self.rules = [Rule(table) for table in document.rule]
        self.ids = frozenset(document.ids())
        self._rules = _scoped(document.rule, self.rules)
        self._schemas = _scoped(document.json_schema, schemas)
        self._judges = _scoped(document.wasm, judges)

    def select(self, room: str, channel: str) -> Selection:
        """The rules for an address."""
        return Selection(
            _held(self._rules, room, channel),
            _held(self._schemas, room, channel),
            _held(self._judges, room, channel),
        )

    def close(self) -> None:
        """Let go of what it holds; it is not used any more."""
        for _, rule in self._judges:
            rule.judge.close()


def _scoped(tables: Sequence[Scoped], rules: Sequence[Kind]) -> list[tuple[_Scope, Kind]]:
    scopes = (_Scope(names(table.rooms), names(table.channels)) for table in tables)
    return list(zip(scopes, rules, strict=True))


def _held(scoped: Sequence[tuple[_Scope, Kind]], room: str, channel: str) -> list[Kind]:
    return [rule for scope, rule in scoped if scope.holds(room, channel)]


class _Loading:
    """One reading of a policy and of the files beside it: gathers problems and the version."""

    def __init__(self, folder: Path) -> None:
        self.problems: list[str] = []
        self._folder = folder
        self._digest = hashlib.sha256()

    def content(self, file: Path, limit: int, what: str) -> bytes | None:
        """A file's content, which counts for the version; None with a problem noted."""
        try:
            with (self._folder / file).open("rb") as opened:
                content = opened.read(limit + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "is no file name"
            self.problems.append(f"{what}: {file} cannot be read: {reason}")
            return None
        if len(content) > limit:
            self.problems.append(f"{what}: {file} has more than {limit} bytes")
            return None
        self._digest.update(hashlib.sha256(content).digest())
        return content

    def version(self) -> str:
        """What tells this policy from others."""
        return self._digest.hexdigest()[:VERSION_CHARS]

    def schema(self, table: SchemaTable) -> SchemaRule | None:
        """The rule of a schema's table; None with a problem noted."""
        source: object = table.inline
        if table.file is not None:
            content = self.content(table.file, MAX_SCHEMA_BYTES, f"json_schema {table.id}")
            if content is None:
                return None
            try:
                source = json.loads(content)
            except (ValueError, RecursionError):
                self.problems.append(f"json_schema {table.id}: {table.file} is no JSON")
                return None
        if not isinstance(source, dict | bool):
            self.problems.append(f"json_schema {table.id}: must be an object, true or false")
            return None
        try:
            return SchemaRule(table.id, Schema(source))
        except SchemaError as error:
            self.problems.append(f"json_schema {table.id}: {error}")
            return None

    def judge(self, table: WasmTable) -> JudgeRule | None:
        """The rule of a module's table; None with a problem noted."""
        content = self.content(table.file, MAX_MODULE_BYTES, f"wasm {table.id}")
        if content is None:
            return None
        try:
            return JudgeRule(table.id, table.action, _module(content, table))
        except ValueError as error:
            self.problems.append(f"wasm {table.id}: {table.file} {error}")
            return None


def load(file: Path) -> Policy:
    """The policy in a file.

    Raises:
        PolicyProblem: with every reason why it can't be used.
    """
    loading = _Loading(file.parent)
    content = loading.content(Path(file.name), MAX_POLICY_BYTES, "the policy")
    if content is None:
        raise PolicyProblem(loading.problems)
    document = read(content)
    loading.problems += _contradictions(document)
    schemas = [loading.schema(table) for table in document.json_schema]
    judges = [loading.judge(table) for table in document.wasm]
    usable = [judge for judge in judges if judge is not None]
    if loading.problems:
        for judge in usable:
            judge.judge.close()
        raise PolicyProblem(loading.problems)
    return Policy(document, loading.version(), [one for one in schemas if one is not None], usable)


def _module(content: bytes, table: WasmTable) -> Judge:
    if importlib.util.find_spec("wasmtime") is None:
        raise ValueError("needs the extra wasm: pip install 'arqonbus[wasm]'")
    # Imported only where it is chosen: its driver comes with an extra.
    from arqonbus.casil.wasm import Bounds, Module  # noqa: PLC0415 - see above

    return Module(content, Bounds(table.fuel, table.max_memory_bytes, table.timeout))


def _contradictions(document: Document) -> Iterator[str]:
    for name, count in Counter(document.ids()).items():
        if count > 1:
            yield f"id {name} is given {count} times"
    redacting = [table for table in document.rule if table.action is Action.REDACT]
    marks = [Rule(table).mark for table in redacting]
    for table in redacting:
        yield from _finds_marks(table, marks)


def _finds_marks(table: RuleTable, marks: list[str]) -> Iterator[str]:
    """A rule that finds what is put in a find's place would never be content."""
    rule = Rule(table)
    if any(rule.find(mark, Effort(len(mark))) for mark in marks):
        yield f"rule {table.id}: finds the mark that redacting leaves: narrow its patterns"
