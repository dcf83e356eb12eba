"""The policy's file: what may stand in it, and every problem of what does."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from arqonbus.casil.detectors import KNOWN
from arqonbus.casil.inspection import Action
from arqonbus.casil.linear import checked

KIB: Final = 1024
MIB: Final = 1024 * KIB
MAX_RULES: Final = 256
RESERVED: Final = "casil."
_WORDS: Final = {"missing": "is missing", "extra_forbidden": "unknown key"}


class PolicyProblem(Exception):  # noqa: N818 - it is what the preflight lists, not a crash
    """Why a policy can't be used: all reasons, one line each; nothing of it holds then."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


def _usable_pattern(text: str) -> str:
    checked(text)
    return text


def _own_id(text: str) -> str:
    if text.startswith(RESERVED):
        raise ValueError(f"ids that begin with {RESERVED} are the bus' own")
    return text


def _known_detector(name: str) -> str:
    if name not in KNOWN:
        near = get_close_matches(name, KNOWN, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown detector; the nearest known one is {near}")
    return name


Id = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$"), AfterValidator(_own_id)
]
Glob = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.*-]{1,128}$")]
Globs = Annotated[tuple[Glob, ...], Field(min_length=1, max_length=256)]
Expression = Annotated[str, AfterValidator(_usable_pattern)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Words = Annotated[tuple[Word, ...], Field(max_length=1024)]
Expressions = Annotated[tuple[Expression, ...], Field(max_length=256)]
DetectorName = Annotated[str, AfterValidator(_known_detector)]
Target = Literal["transport", "logs"]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, strict=False)


class Scoped(_Table):
    """What all kinds of rules have: an id, and the rooms and channels they are for."""

    id: Id
    rooms: Globs = ("*",)
    channels: Globs = ("*",)


class RuleTable(Scoped):
    """A rule on content."""

    detect: tuple[DetectorName, ...] = ()
    patterns: Expressions = ()
    deny: Words = ()
    allow: Words = ()
    allow_patterns: Expressions = ()
    action: Action = Action.BLOCK
    redact_in: tuple[Target, ...] = ("transport", "logs")

    @model_validator(mode="after")
    def _looks_for_something(self) -> RuleTable:
        if not (self.detect or self.patterns or self.deny):
            raise ValueError("looks for nothing: give detect, patterns or deny")
        return self


class SchemaTable(Scoped):
    """A JSON Schema that payloads must fit."""

    file: Path | None = None
    inline: dict[str, Any] | None = Field(default=None, alias="schema")  # Any: JSON Schema

    # `schema` would hide a method of the model.
    @model_validator(mode="after")
    def _has_one_schema(self) -> SchemaTable:
        if (self.file is None) == (self.inline is None):
            raise ValueError("give exactly one of file and schema")
        return self


class WasmTable(Scoped):
    """A policy in WebAssembly."""

    file: Path
    fuel: int = Field(default=10_000_000, ge=1000, le=10_000_000_000)
    max_memory_bytes: int = Field(default=16 * MIB, ge=64 * KIB, le=1024 * MIB)
    timeout: float = Field(default=0.05, ge=0.001, le=1, allow_inf_nan=False)
    action: Literal[Action.BLOCK, Action.NOTE] = Action.BLOCK


class Document(_Table):
    """A policy as it is written."""

    version: Literal[1] = Field(alias="schema")
    mode: Literal["monitor", "enforce"]
    max_bytes: int = Field(default=256 * KIB, ge=KIB, le=64 * MIB)
    max_values: int = Field(default=5_000, ge=1, le=1_000_000)
    max_depth: int = Field(default=128, ge=1, le=128)
    receipts: bool = True
    rule: Annotated[tuple[RuleTable, ...], Field(max_length=MAX_RULES)] = ()
    json_schema: Annotated[tuple[SchemaTable, ...], Field(max_length=MAX_RULES)] = ()
    wasm: Annotated[tuple[WasmTable, ...], Field(max_length=16)] = ()

    def ids(self) -> Iterator[str]:
        """The ids of everything that can find something."""
        for table in (*self.rule, *self.json_schema, *self.wasm):
            yield table.id


def read(content: bytes) -> Document:
    """The policy in a file's content.

    Raises:
        PolicyProblem: with everything that is wrong with it.
    """
    try:
        table = tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise PolicyProblem(["is not UTF-8 text"]) from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyProblem([f"is not valid TOML: {error}"]) from None
    except RecursionError:
        raise PolicyProblem(["is nested too deeply"]) from None
    try:
        document = Document.model_validate(table)
    except ValidationError as error:
        raise PolicyProblem(list(_problems(error))) from None
    return document


def _problems(error: ValidationError) -> Iterator[str]:
    # Neither input nor context: a denied word may be what must not be said.
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        said = _WORDS.get(item["type"], item["msg"].removeprefix("Value error, "))
        yield f"{_written(item['loc'])}: {said}"


def _written(loc: tuple[int | str, ...]) -> str:
    """A place in the file as people count: ``rule 2, patterns 1``."""
    text = ""
    for step in loc:
        text += f" {step + 1}" if isinstance(step, int) else f", {step}"
    return text.removeprefix(", ") or "the file"
