"""A policy as data: its roles and rules, each able to say why it does not fit a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
)

from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.patterns import (
    Pattern,
    Values,
    name_pattern,
    subject_pattern,
    tenant_pattern,
)

MAX_ITEMS: Final = 1000
# They narrow what the policy gives; a rule that asked for one would let it widen.
NARROWING_CLAIMS: Final = ("roles", "access")


class Condition(NamedTuple):
    """A claim that the token must carry: with this value, or as a list that holds it."""

    name: str
    kind: str  # beside the value, since true equals 1
    value: str | int | bool

    def holds(self, claims: Mapping[str, object]) -> bool:
        """Whether the claims fulfil it."""
        held = claims.get(self.name)
        values = held if isinstance(held, list | tuple) else (held,)
        return any(type(it).__name__ == self.kind and it == self.value for it in values)


def _actions(value: object) -> tuple[Action, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("is a list of at least one action")
    known = {"*", *Action}
    wrong = [it for it in value if not isinstance(it, str) or it not in known]
    if wrong:
        said = ", ".join(repr(it) for it in wrong[:5])
        raise ValueError(f"{said}: no action; give {', '.join(Action)}, or *")
    return tuple(action for action in Action if action in value or "*" in value)


def _conditions(value: object) -> tuple[Condition, ...]:
    if not isinstance(value, dict) or not value:
        raise ValueError("is a table with at least one claim")
    wrong = [name for name, it in value.items() if not isinstance(it, str | int)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)}: a claim is compared with a string, number or truth")
    if narrowing := [name for name in NARROWING_CLAIMS if name in value]:
        raise ValueError(f"{', '.join(narrowing)}: is a claim that narrows, it can't be asked for")
    return tuple(Condition(name, type(it).__name__, it) for name, it in sorted(value.items()))


_some = Field(min_length=1, max_length=MAX_ITEMS)
Actions = Annotated[tuple[Action, ...], PlainValidator(_actions)]
Names = Annotated[tuple[Annotated[Pattern, PlainValidator(name_pattern)], ...], _some]
Tenants = Annotated[tuple[Annotated[Pattern, PlainValidator(tenant_pattern)], ...], _some]
Subjects = Annotated[tuple[Annotated[Pattern, PlainValidator(subject_pattern)], ...], _some]
Conditions = Annotated[tuple[Condition, ...], BeforeValidator(_conditions)]
# The same character class as a room's; it has no parentheses, which mark what is no rule.
Id = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]

ANY_NAME: Final = (name_pattern("*"),)
ANY_TENANT: Final = (tenant_pattern("*"),)


class Part(BaseModel):
    """What all parts of a policy have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Area(Part):
    """Actions on channels; actions without an address only where it is every channel."""

    actions: Actions
    rooms: Names = ANY_NAME
    channels: Names = ANY_NAME

    @property
    def everywhere(self) -> bool:
        """Whether it covers every channel."""
        return any(it.is_any for it in self.rooms) and any(it.is_any for it in self.channels)

    def misses(self, action: Action, room: str, channel: str, values: Values) -> str | None:
        """Why it does not cover the action there; None when it does."""
        if action not in self.actions:
            return "is not about the action"
        if not action.has_address:
            return None if self.everywhere else f"is about channels, and {action} has none"
        if not any(it.matches(room, values) for it in self.rooms):
            return "is not about the room"
        if not any(it.matches(channel, values) for it in self.channels):
            return "is not about the channel"
        return None


class Role(Part):
    """Who holds a role."""

    subjects: Subjects
    tenants: Tenants = ANY_TENANT
    claims: Conditions = ()
    only_if_claimed: StrictBool = False

    def fits(self, principal: Principal) -> bool:
        """Whether the principal could hold it, claimed or not."""
        return (
            any(it.matches(principal.subject) for it in self.subjects)
            and any(it.matches(principal.tenant) for it in self.tenants)
            and all(it.holds(principal.claims) for it in self.claims)
        )


class Rule(Area):
    """What some are allowed, or denied."""

    id: Id
    effect: Literal["allow", "deny"]
    subjects: Subjects = ()
    roles: Annotated[tuple[Id, ...], _some] = ()
    tenants: Tenants = ANY_TENANT
    claims: Conditions = ()

    def excludes(self, principal: Principal, roles: frozenset[str]) -> str | None:
        """Why it is not about somebody who holds `roles`; None when it is."""
        named = any(it.matches(principal.subject) for it in self.subjects)
        if not named and roles.isdisjoint(self.roles):
            return "names neither the subject nor a role it holds"
        if not any(it.matches(principal.tenant) for it in self.tenants):
            return "is not about the tenant"
        for condition in self.claims:
            if not condition.holds(principal.claims):
                return f"asks for another claim {condition.name!r}"
        return None


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy, sound in itself; `epoch` is a digest of the file."""

    roles: Mapping[str, Role]
    rules: tuple[Rule, ...]
    epoch: str
