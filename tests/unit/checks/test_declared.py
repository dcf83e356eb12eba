from __future__ import annotations

import tomllib

from checks.declared import for_development, for_other_machines


def test_groups_of_all_tools_are_for_development() -> None:
    document = tomllib.loads("""
        [dependency-groups]
        test = ["One>=1", {include-group = "more"}]
        [tool.uv]
        dev-dependencies = ["two[fast]; python_version > '3'"]
        [tool.pdm.dev-dependencies]
        docs = ["three==1"]
        [tool.poetry.dev-dependencies]
        four = "*"
        [tool.poetry.group.lint.dependencies]
        five = {version = ">=1", optional = true}
        [tool.poetry.dependencies]
        six = "*"
    """)
    assert for_development(document) == {"one", "two", "three", "four", "five"}


def test_what_no_marker_wants_here_is_for_other_machines() -> None:
    document = tomllib.loads("""
        [project]
        dependencies = ["always", "never; python_version < '3'", "odd ones", "twice>1"]
        [project.optional-dependencies]
        more = ["twice<9; python_version < '3'", "Old_One; python_version < '3'"]
    """)
    assert for_other_machines(document) == {"never", "old-one"}


def test_a_project_that_says_nothing_has_neither() -> None:
    for document in ({}, {"tool": 1, "project": {"dependencies": "many"}}):
        assert (for_development(document), for_other_machines(document)) == (set(), set())
