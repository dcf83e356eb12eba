"""Reading policy files: whole and of the right shape, or not at all."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec

from checks.model import CouldNotRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Text = Annotated[str, msgspec.Meta(min_length=1)]
_Kind = TypeVar("_Kind")


class PolicyError(CouldNotRun):
    """The policy contradicts itself, the gates or the assessment; nothing may be judged by it."""


def read_toml(path: Path) -> dict[str, object]:
    """Return a policy file's contents.

    Raises:
        PolicyError: it is missing or malformed.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"{path.name} can't be read: {error}") from error


def read_policy(path: Path, kind: type[_Kind]) -> _Kind:
    """Return a policy file as a `kind` of msgspec struct.

    Raises:
        PolicyError: it is missing or malformed, or does not have the struct's shape.
    """
    return convert(path.name, read_toml(path), kind)


def convert(name: str, table: object, kind: type[_Kind]) -> _Kind:
    """Return the table of a policy file called `name` as a `kind` of msgspec struct.

    Raises:
        PolicyError: it does not have the struct's shape.
    """
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise PolicyError(f"{name}: {error}") from error


def refuse(name: str, problems: list[str]) -> None:
    """Raise what is wrong with a file beyond its shape, if anything is.

    Raises:
        PolicyError: with every problem at once.
    """
    if problems:
        raise PolicyError(f"{name}: {'; '.join(problems)}")


def unknown_keys(label: str, table: Mapping[str, object], known: set[str]) -> list[str]:
    """Return a sentence for every key that a table should not have."""
    return [f"{label}: unknown key {key}" for key in sorted(set(table) - known)]
