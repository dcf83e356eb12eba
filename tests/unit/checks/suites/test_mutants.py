from __future__ import annotations

import ast

import pytest

from checks.suites.mutants import Mutant, mutants


def only(code: str) -> dict[str, str]:
    """Every mutant of a line in a function: its kind, and the line as it became."""
    text = f"def f(a, b):\n    {code}\n"
    return {one.kind: one.text.splitlines()[1].strip() for one in mutants(text)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = a == b", {"swap-comparison": "x = (a != b)"}),
        ("x = a < b", {"swap-comparison": "x = (a <= b)"}),
        ("x = a in b", {"swap-comparison": "x = (a not in b)"}),
        ("x = a is not b", {"swap-comparison": "x = (a is b)"}),
        ("x = a and b", {"swap-and-or": "x = (a or b)"}),
        ("x = not a", {"drop-not": "x = (a)"}),
        ("raise KeyError(a)", {"drop-raise": "pass"}),
        ("return True", {"constant-return": "return (False)"}),
        ("return f(a)", {"constant-return": "return (None)"}),
        ("return 0", {"constant-return": "return (None)"}),
        ("x = 1 if a else b", {"negate-condition": "x = 1 if (not a) else b"}),
        ("x = [y for y in b if y]", {"negate-condition": "x = [y for y in b if (not y)]"}),
        ("x = 'é', a == b", {"swap-comparison": "x = 'é', (a != b)"}),
    ],
)
def test_each_kind_changes_what_it_says(code: str, expected: dict[str, str]) -> None:
    assert only(code) == expected


@pytest.mark.parametrize(
    "code", ["return None", "return", "pass", "x: 'a == b' = 1", "x = f'{a == b}'"]
)
def test_what_would_change_nothing_is_left_alone(code: str) -> None:
    assert only(code) == {}


def test_what_only_types_need_is_left_alone() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    x = 1 == 2\n"
    assert mutants(text) == ()


def test_two_kinds_do_not_come_to_the_same() -> None:
    text = "def f(a, b):\n    if not a:\n        return\n    while a == b:\n        g()\n"
    assert [one.kind for one in mutants(text)] == ["drop-not", "swap-comparison"]


def test_each_part_of_a_chain_is_changed() -> None:
    found = mutants("def f(a):\n    return 0 < a <= 9\n")
    assert [one.after for one in found] == ["None", "0 <= a <= 9", "0 < a < 9"]


def test_a_mutant_keeps_its_name_when_lines_move_and_can_be_told_from_its_twin() -> None:
    text = "class C:\n    def m(self, a):\n        if a:\n            raise ValueError\n"
    text += "        raise ValueError\n"
    names = [one.name for one in mutants(text)]
    assert names == [
        "C.m: negate-condition: a",
        "C.m: drop-raise: raise ValueError",
        "C.m: drop-raise: raise ValueError (2)",
    ]
    assert [one.name for one in mutants("import os\n\n" + text)] == names


def test_every_mutant_is_code_and_changes_it() -> None:
    text = "def f(a, b):\n    if (a and\n            not b):\n        raise (\n            E)\n"
    for one in mutants(text):
        assert ast.dump(ast.parse(one.text)) != ast.dump(ast.parse(text))


def test_the_draw_depends_on_the_seed_and_the_mutant_alone() -> None:
    one, other = (Mutant("m", "k", "f", line, "", "", "") for line in (1, 2))
    assert one.rank(1) == other.rank(1) != one.rank(2)
