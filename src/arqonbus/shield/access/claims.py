"""Claims with which a token narrows what the policy gives: they take away, they never add.

`roles` limits the roles held to those it names; `access` is a list of areas, one of which must
cover the request too. A claim that is malformed lets nothing through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, StrictStr, TypeAdapter, ValidationError

from arqonbus.shield.access.policy import MAX_ITEMS, Area

_ROLES: Final = TypeAdapter(Annotated[list[StrictStr], Field(max_length=MAX_ITEMS)])
_ACCESS: Final = TypeAdapter(Annotated[list[Area], Field(max_length=MAX_ITEMS)])


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What the token leaves; None where it has no such claim."""

    roles: frozenset[str] | None
    access: tuple[Area, ...] | None


def narrowing(claims: Mapping[str, object]) -> Narrowing:
    """What the claims leave of the policy.

    Raises:
        ValueError: a claim is malformed; the text names it, and holds nothing of it.
    """
    return Narrowing(_roles(claims), _access(claims))


def _roles(claims: Mapping[str, object]) -> frozenset[str] | None:
    if "roles" not in claims:
        return None
    try:
        return frozenset(_ROLES.validate_python(claims["roles"], strict=True))
    except ValidationError:
        raise ValueError("the token's claim roles is no list of names") from None


def _access(claims: Mapping[str, object]) -> tuple[Area, ...] | None:
    if "access" not in claims:
        return None
    try:
        return tuple(_ACCESS.validate_python(claims["access"]))
    except ValidationError:
        raise ValueError(
            "the token's claim access is no list of tables with actions, rooms and channels"
        ) from None
