"""Every name, text and number of a message, wherever it stands; no recursion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

MAX_POINTER_CHARS: Final = 256


class Place(NamedTuple):
    """Where a value stands: a step from the place that holds it."""

    parent: Place | None
    step: str | int
    depth: int = 1

    def path(self) -> tuple[str | int, ...]:
        """The steps from the message to here; the first one is the part's name."""
        steps: list[str | int] = []
        at: Place | None = self
        while at is not None:
            steps.append(at.step)
            at = at.parent
        return tuple(reversed(steps))


class Leaf(NamedTuple):
    """A text of the message: a string, a number's digits, or an object's key (`is_name`).

    `name` is that of the nearest key above it.
    """

    place: Place
    text: str
    name: str
    is_name: bool


def leaves(parts: Mapping[str, object]) -> Iterator[Leaf | Place]:
    """All leaves, in order; values without a text (true, null, containers) as their place alone."""
    # Iterators, so that what is never asked for costs nothing however much of it there is.
    stack = [iter([(Place(None, part), parts[part], part) for part in parts])]
    while stack:
        for place, value, name in stack[-1]:
            if isinstance(value, str):
                yield Leaf(place, value, name, is_name=False)
            elif isinstance(value, bool) or value is None:
                yield place
            elif isinstance(value, dict):
                yield place
                yield from _names(place, value, name)
                stack.append(_members(place, value))
                break
            elif isinstance(value, list | tuple):
                yield place
                stack.append(_items(place, value, name))
                break
            else:
                # Bytes of MessagePack are refused by the codec; their repr would be seen.
                yield Leaf(place, str(value), name, is_name=False)
        else:
            stack.pop()


_Inner = Iterator[tuple[Place, object, str]]


def _names(place: Place, value: Mapping[object, object], name: str) -> Iterator[Leaf]:
    for key in value:
        yield Leaf(Place(place, str(key), place.depth + 1), str(key), name, is_name=True)


def _members(place: Place, value: Mapping[object, object]) -> _Inner:
    for key, item in value.items():
        yield Place(place, str(key), place.depth + 1), item, str(key)


def _items(place: Place, value: Sequence[object], name: str) -> _Inner:
    for at, item in enumerate(value):
        yield Place(place, at, place.depth + 1), item, name


def pointer(path: tuple[str | int, ...], hidden: frozenset[str]) -> str:
    """A JSON pointer (RFC 6901) below a part's name; names that are finds themselves as ``*``."""
    steps = ("*" if step in hidden else _escaped(step) for step in path)
    text = "/".join(steps)
    return text if len(text) <= MAX_POINTER_CHARS else text[: MAX_POINTER_CHARS - 1] + "…"


def _escaped(step: str | int) -> str:
    text = str(step).replace("~", "~0").replace("/", "~1")
    return text.encode(errors="replace").decode()
