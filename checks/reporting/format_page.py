"""The page docs/report-format.md, made from the schema so that both say the same.

``python -m checks.reporting.format_page > docs/report-format.md`` writes it anew.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from checks.reporting.json_report import load_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEAD = """\
# The format of report.json

{description} This page explains version {version}, field by field; it is made from the schema, \
`policies/report.schema.json` (JSON Schema 2020-12). Every field is always there, and no other is. \
Paths are relative to the project's root. `python -m checks verify` reads such a report, and \
`python -m checks diff` compares two.
"""


def render_page(schema: Mapping[str, Any]) -> str:
    """Return the page: a table for the report, and one for each kind of object in it."""
    version = schema["properties"]["schema_version"]["const"]
    head = _HEAD.format(description=schema["description"], version=version)
    objects = {name: one for name, one in schema["$defs"].items() if "properties" in one}
    parts = [head, _section("Report", schema)]
    parts += [_section(one["title"], one) for one in objects.values()]
    return "\n".join(parts)


def _section(title: str, part: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_kind(field)} | {field['description']} |"
        for name, field in part["properties"].items()
    ]
    return "\n".join([f"## {title}", "", "| field | is | meaning |", "|---|---|---|", *rows, ""])


def _kind(field: Mapping[str, Any]) -> str:
    """Say in words what a field holds."""
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{one}`" for one in field["enum"])
    if "$ref" in field:
        return _named(field["$ref"].rpartition("/")[2])
    if "oneOf" in field:
        return " or ".join(_kind(one) for one in field["oneOf"])
    return " or ".join(_plain(field))


def _plain(field: Mapping[str, Any]) -> Iterator[str]:
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    for kind in kinds:
        if kind == "array":
            yield f"list of {_kind(field['items'])}"
        elif kind == "object":
            yield f"object of {_kind(field['additionalProperties'])} by name"
        else:
            yield kind


def _named(name: str) -> str:
    """Return a link to an object's table, or the words for a simple definition."""
    schema = load_schema()["$defs"][name]
    if "properties" in schema:
        anchor = schema["title"].lower().replace(" ", "-")
        null = " or null" if "null" in schema["type"] else ""
        return f"[{schema['title'].lower()}](#{anchor}){null}"
    return {
        "sha256": "SHA-256",
        "moment": "moment",
        "count": "count",
        "texts": "list of strings",
        "status": "status",
    }[name]


if __name__ == "__main__":
    sys.stdout.write(render_page(load_schema()))
