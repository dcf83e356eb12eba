"""Every command that a bus says it has, with arguments that fit, made from its own description."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from checks.fault import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from checks.peer import Frame, Peer

_SIMPLE: Mapping[object, object] = {
    "string": "x",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
    "object": {},
    "array": (),
}


@dataclass(frozen=True, slots=True)
class Described:
    """One command as `help` tells it."""

    name: str
    arguments: Frame
    required: tuple[str, ...]
    parts: Frame

    def filled(self, names: Mapping[str, object]) -> Frame:
        """Arguments: those that are required, and those that `names` has a value for."""
        wanted = [one for one in self.arguments if one in self.required or one in names]
        return {one: names.get(one, _value(self.arguments[one], self.parts)) for one in wanted}

    @property
    def texts(self) -> list[str]:
        """The arguments that may be text."""
        return [one for one, schema in self.arguments.items() if '"string"' in _spelt(schema)]


def tomorrow() -> str:
    """A time as `deliver_at` has it."""
    return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def described(peer: Peer) -> list[Described]:
    """All commands.

    Raises:
        NoAnswerError: the bus does not say which there are.
    """
    answer = peer.call("help", {})
    try:
        return [
            Described(one["name"], one["arguments"], tuple(one["required"]), one.get("$defs", {}))
            for one in answer["payload"]["commands"]
        ]
    except (KeyError, TypeError) as error:
        raise NoAnswerError(f"help does not list the commands: {error!r}") from error


def _value(schema: Frame, parts: Frame) -> object:
    """A value that fits a JSON Schema of the simple kind that commands have."""
    match schema:
        case {"$ref": str(name)}:
            return _value(parts[name.rpartition("/")[2]], parts)
        case {"enum": [first, *_]} | {"minimum": first}:
            return first
        case {"anyOf": [first, *_]}:
            return _value(first, parts)
        case {"type": "array", "items": dict(items)}:
            return [_value(items, parts)]
    return _SIMPLE.get(schema.get("type"), "x")


def _spelt(schema: object) -> str:
    return str(schema).replace("'", '"')
