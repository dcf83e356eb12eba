"""Values that both codecs carry without loss (RFC 8259, and 64-bit integers as in MessagePack)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from arqonbus.errors import invalid

_LEAST, _MOST = -(2**63), 2**64 - 1
# Codecs recurse; whatever passes here must pass all of them, however deep the stack is then.
MAX_DEPTH = 128


def check_portable(value: object, max_depth: int = MAX_DEPTH) -> None:
    """Refuse what one of the codecs can't carry, and what is nested deeper than
    `max_depth`, which is at most `MAX_DEPTH`.

    Raises:
        ArqonBusError: VALIDATION_ERROR that says what was found.
    """
    level = [value]
    for _ in range(max_depth + 1):
        level = [inner for item in level for inner in _checked(item)]
        if not level:
            return
    raise invalid(f"payload: nested deeper than {max_depth}")


def check_unique(text: bytes) -> None:
    """Refuse JSON text in which an object names a member twice: receivers would not agree on which
    one holds (RFC 8259, section 4), nor with who inspected it.

    Raises:
        ArqonBusError: VALIDATION_ERROR.
    """
    # Numbers are left as text: Python refuses to read long ones.
    json.loads(text, object_pairs_hook=_unique, parse_int=str, parse_float=str)


def _unique(members: list[tuple[str, object]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise invalid("payload: an object names a member twice")


def _checked(item: object) -> Iterable[object]:
    """What is inside an item that is fine by itself."""
    kind = type(item)
    if kind is str or kind is bool or item is None:
        return ()
    if kind is dict and isinstance(item, dict):
        _check_keys(item)
        return item.values()
    if kind is list and isinstance(item, list):
        return item
    _check_number(item)
    return ()


def _check_keys(item: dict[object, object]) -> None:
    for key in item:
        if type(key) is not str:
            raise invalid("payload: object keys must be strings")


def _check_number(item: object) -> None:
    if isinstance(item, int):
        if not _LEAST <= item <= _MOST:
            raise invalid("payload: integers beyond 64 bits are not carried; send a string")
    elif isinstance(item, float):
        if not math.isfinite(item):
            raise invalid("payload: NaN and infinities are no JSON")
    else:
        raise invalid(f"payload: {type(item).__name__} is no JSON type")
