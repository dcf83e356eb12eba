from __future__ import annotations

from datetime import datetime

from checks.adversarial.commands import Described, tomorrow

ARGUMENTS = {
    "room": {"type": "string"},
    "limit": {"type": "integer", "minimum": 3, "default": 5},
    "start": {"$ref": "#/$defs/Start"},
    "mode": {"enum": ["new", "old"]},
    "since": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    "seqs": {"type": "array", "items": {"type": "integer"}},
    "flag": {"type": "boolean"},
    "odd": {},
}
PARTS = {"Start": {"type": "object"}}


def test_required_arguments_get_values_of_their_kind() -> None:
    whole = Described("c", ARGUMENTS, tuple(ARGUMENTS), PARTS)
    assert whole.filled({}) == {
        "room": "x",
        "limit": 3,
        "start": {},
        "mode": "new",
        "since": "x",
        "seqs": [1],
        "flag": True,
        "odd": "x",
    }


def test_names_are_used_where_there_is_an_argument_for_them() -> None:
    few = Described("c", ARGUMENTS, ("room",), PARTS)
    assert few.filled({"room": "lobby", "mode": "old", "group": "g"}) == {
        "room": "lobby",
        "mode": "old",
    }


def test_what_may_be_text_is_found() -> None:
    assert Described("c", ARGUMENTS, (), PARTS).texts == ["room", "since"]


def test_tomorrow_is_a_time_in_utc() -> None:
    assert datetime.fromisoformat(tomorrow()).tzinfo is not None
