"""JSON Schemas for payloads: nothing is fetched, and no pattern backtracks.

jsonschema-rs, since it can be told both. jsonschema matches patterns with `re`, which a payload can
keep busy for hours; fastjsonschema does too, and ends at draft 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

MAX_SCHEMA_BYTES: Final = 1024 * 1024


class SchemaError(ValueError):
    """A schema that can't be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Violation:
    """The first place where a payload does not fit: the keyword that says so, and the path."""

    keyword: str
    path: tuple[str | int, ...]


class Schema:
    """A compiled JSON Schema."""

    def __init__(self, schema: dict[str, Any] | bool) -> None:  # Any: JSON Schema is any JSON
        """Compile it; its draft is what ``$schema`` says, or 2020-12.

        Raises:
            SchemaError: it is no valid schema, or refers to something outside of itself.
        """
        try:
            self._validator = jsonschema_rs.validator_for(
                schema,
                validate_formats=True,
                ignore_unknown_formats=False,
                # A reference to a URL or a file would make the bus fetch what a schema names.
                offline=True,
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        except (ValueError, TypeError, RecursionError, jsonschema_rs.ReferencingError) as error:
            raise SchemaError(f"is no usable JSON Schema: {_first_line(error)}") from None

    def violation(self, value: object) -> Violation | None:
        """Where a value does not fit, or None."""
        # Not `iter_errors`, which finds them all before it gives the first.
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return Violation(error.kind.name, tuple(error.instance_path))
        return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
