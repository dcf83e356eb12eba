"""Values that both codecs carry without loss (RFC 8259, and 64-bit integers as in MessagePack)."""

from __future__ import annotations

import math

from arqonbus.errors import invalid

_LEAST, _MOST = -(2**63), 2**64 - 1


def check_portable(value: object) -> None:
    """Refuse what one of the codecs can't carry; iterative, so depth costs no stack.

    Raises:
        ArqonBusError: VALIDATION_ERROR that says what was found.
    """
    todo = [value]
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is dict and isinstance(item, dict):
            _check_keys(item)
            todo.extend(item.values())
        elif kind is list and isinstance(item, list):
            todo.extend(item)
        else:
            _check_number(item)


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
