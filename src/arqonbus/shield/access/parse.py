"""A policy file, read and judged as a whole: every problem at once, never a part of a policy."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, StrictInt, ValidationError, field_validator

from arqonbus.config.names import nearest
from arqonbus.model.action import Action
from arqonbus.shield.access.interface import AccessProblem
from arqonbus.shield.access.policy import MAX_ITEMS, Id, Part, Policy, Role, Rule

MAX_BYTES: Final = 256 * 1024
SCHEMA: Final = 1
# Where pydantic's own words would puzzle whoever writes a policy.
_WORDS: Final = {
    "missing": "is missing",
    "too_short": "is empty",
    "too_long": f"has more than {MAX_ITEMS} items",
    "tuple_type": "is no list",
    "dict_type": "is no table",
    "model_type": "is no table",
    "string_pattern_mismatch": "1-128 of A-Z a-z 0-9 _ . - are allowed, the first no dot or dash",
}


class Document(Part):
    """The file's tables."""

    version: StrictInt = Field(alias="schema")
    roles: Annotated[dict[Id, Role], Field(max_length=MAX_ITEMS, default_factory=dict)]
    rule: Annotated[tuple[Rule, ...], Field(max_length=MAX_ITEMS)] = ()

    @field_validator("version")
    @classmethod
    def _known(cls, version: int) -> int:
        if version != SCHEMA:
            raise ValueError(f"this server knows {SCHEMA} only")
        return version


def read_policy(path: Path) -> Policy:
    """The policy in a file.

    Raises:
        AccessProblem: it can't be read or is wrong, with every problem by line or rule.
    """
    try:
        # A pipe would be waited for, before anything could stop the start.
        if path.exists() and not path.is_file():
            raise AccessProblem((f"{path} is not a file",))
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AccessProblem((f"{path} cannot be read: {error.strerror}",)) from None
    except ValueError:  # a NUL in the name
        raise AccessProblem(("is not a file name",)) from None
    try:
        return parse_policy(content)
    except AccessProblem as problem:
        raise AccessProblem(tuple(f"{path}: {it}" for it in problem.problems)) from None


def parse_policy(content: bytes) -> Policy:
    """The policy that a file's content is.

    Raises:
        AccessProblem: with every problem of it.
    """
    table = _table(content)
    problems = [*_cross_problems(table)]
    try:
        document = Document.model_validate(table)
    except ValidationError as error:
        raise AccessProblem((*_value_problems(error, table), *problems)) from None
    if problems:
        raise AccessProblem(tuple(problems))
    return Policy(document.roles, document.rule, hashlib.sha256(content).hexdigest())


def _table(content: bytes) -> dict[str, object]:
    if len(content) > MAX_BYTES:
        raise AccessProblem((f"is larger than {MAX_BYTES} bytes",))
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise AccessProblem(("is not UTF-8 text",)) from None
    except (ValueError, RecursionError) as error:
        # The second is endless nesting; a number too long for Python is a ValueError of its own.
        raise AccessProblem((f"is not valid TOML: {error}",)) from None


def _value_problems(error: ValidationError, table: Mapping[str, object]) -> Iterator[str]:
    wrong = error.errors(include_url=False, include_context=False, include_input=False)
    within = {it["loc"][:-1] for it in wrong}
    for one in wrong:
        # A list of which no item is right is called too short as well, which it is not.
        if one["type"] != "too_short" or one["loc"] not in within:
            yield _told(one["type"], one["loc"], one["msg"], table)


def _told(kind: str, at: tuple[int | str, ...], text: str, table: Mapping[str, object]) -> str:
    where = [it for it in at if it != "[key]"]
    what = _WORDS.get(kind, text.removeprefix("Value error, "))
    if kind == "extra_forbidden":
        what = f"unknown key; the nearest known one is {nearest(str(where[-1]), _keys(where))!r}"
    return f"{_place(where, table)}: {what}"


def _keys(where: list[int | str]) -> Iterable[str]:
    kinds: dict[object, type[Part]] = {"rule": Rule, "roles": Role}
    if len(where) == 1:
        return ("schema", "roles", "rule")
    return kinds[where[0]].model_fields


def _place(where: list[int | str], table: Mapping[str, object]) -> str:
    match where:
        case ["rule", int() as index, *rest]:
            start = _name(_rules(table)[index], index)
        case ["roles", str() as name, *rest]:
            start = f"role {name!r}"
        case _:
            start, rest = "", where
    inner = ".".join(str(it + 1) if isinstance(it, int) else it for it in rest)
    return ", ".join(it for it in (start, inner) if it)


def _name(rule: object, index: int) -> str:
    given = rule.get("id") if isinstance(rule, dict) else None
    return f"rule {given!r}" if isinstance(given, str) else f"rule number {index + 1}"


def _rules(table: Mapping[str, object]) -> list[object]:
    rules = table.get("rule")
    return rules if isinstance(rules, list) else []


def _cross_problems(table: Mapping[str, object]) -> Iterator[str]:
    """What no single value shows; told beside what is wrong with single values."""
    rules = [(_name(it, at), it) for at, it in enumerate(_rules(table)) if isinstance(it, dict)]
    ids = Counter(str(it["id"]) for _, it in rules if "id" in it)
    yield from (
        f"rule {it!r}: {count} rules have this id" for it, count in ids.items() if count > 1
    )
    for name, rule in rules:
        if "subjects" not in rule and "roles" not in rule:
            yield f"{name}: names nobody; give subjects, roles or both"
        yield from _without_address(name, rule)
    yield from _role_problems(table.get("roles", {}), rules)


def _without_address(name: str, rule: Mapping[str, object]) -> Iterator[str]:
    actions = rule.get("actions")
    narrowed = [it for it in ("rooms", "channels") if rule.get(it, ["*"]) != ["*"]]
    if not narrowed or not isinstance(actions, list):
        return
    for action in (it for it in Action if not it.has_address and it in actions):
        yield (
            f"{name}: {action} concerns no channel, so a rule with {' and '.join(narrowed)} "
            "never matches it; give it a rule of its own"
        )


def _role_problems(roles: object, rules: list[tuple[str, dict[str, object]]]) -> Iterator[str]:
    defined = set(roles) if isinstance(roles, dict) else set()
    used = set()
    for name, rule in rules:
        given = rule.get("roles")
        named = [it for it in given if isinstance(it, str)] if isinstance(given, list) else []
        used.update(named)
        for role in (it for it in dict.fromkeys(named) if it not in defined):
            near = f"; the nearest one is {nearest(role, defined)!r}" if defined else ""
            yield f"{name}: role {role!r} is not defined{near}"
    for role in sorted(defined - used):
        yield f"role {role!r}: no rule names it, so it does nothing"
