from __future__ import annotations

import pytest

from checks.toxfiles.environments import (
    commands_of,
    every_environment,
    expand,
    pythons_listed,
)
from checks.toxfiles.read import Sections, Toxfile


def toxfile(sections: Sections) -> Toxfile:
    return Toxfile("tox.ini", sections, ())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("lint, py311", ["lint", "py311"]),
        ("\n  lint\n  py3{11,12}\n", ["lint", "py311", "py312"]),
        ("py3{11-13}", ["py311", "py312", "py313"]),
        ("{a,b}-{c, d}", ["a-c", "a-d", "b-c", "b-d"]),
        ("py311{,-full}", ["py311", "py311-full"]),
        ("", []),
    ],
)
def test_names_with_braces_stand_for_several(text: str, names: list[str]) -> None:
    assert expand(text) == names


def test_pythons_are_read_from_factors_in_each_spelling() -> None:
    file = toxfile({"tox": {"envlist": "lint, py311-full, 3.12, python3.13, py314t, py2, pypy310"}})
    assert pythons_listed(file) == {"3.11", "3.12", "3.13", "3.14"}


def test_environments_are_those_listed_and_those_with_a_section() -> None:
    file = toxfile({"tox": {"env_list": "a"}, "testenv:{b,c}": {}, "testenv:.pkg": {}, "base": {}})
    assert every_environment(file) == {
        "a": "testenv",
        "b": "testenv:{b,c}",
        "c": "testenv:{b,c}",
    }


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("plain", ["pytest -q"]),
        ("emptied", []),
        ("based", ["ruff check ."]),
        ("referring", ["pytest -q", "more"]),
        ("circle", []),
        ("py311-full", ["only full", "not py312"]),
        ("py312-bare", []),
    ],
)
def test_what_an_environment_runs(name: str, commands: list[str]) -> None:
    file = toxfile(
        {
            "base": {"tests": "pytest \\\n-q"},
            "testenv": {"commands": "{[base]tests}"},
            "testenv:plain": {},
            "testenv:emptied": {"commands": ""},
            "testenv:lint": {"commands": "ruff check ."},
            "testenv:based": {"base": "lint"},
            "testenv:referring": {"commands": "{[testenv]commands}\nmore"},
            "testenv:circle": {"commands": "{[testenv:circle]commands}"},
            "testenv:py3{11,12}-{full,bare}": {
                "commands": "full: only full\n!py312,none: not py312"
            },
        }
    )
    assert commands_of(file, name, every_environment(file)[name]) == commands
