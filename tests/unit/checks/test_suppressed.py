from __future__ import annotations

from pathlib import Path

import pytest

from checks.model import CouldNotRun
from checks.suppressed import in_python
from checks.suppressed_rust import in_rust
from checks.suppressed_settings import hides_all, in_settings, read_settings


@pytest.mark.parametrize(
    ("comment", "kind", "blanket"),
    [
        ("# noqa", "noqa", True),
        ("# NOQA:E501", "noqa", False),
        ("# noqa: E501, F401", "noqa", False),
        ("# ruff: noqa", "file-noqa", True),
        ("# flake8: noqa: E501", "file-noqa", False),
        ("# ruff: NOQA", "file-noqa", True),
        ("# ruff: disable[F401]", "file-noqa", False),
        ("# type: ignore", "type-ignore", True),
        ("# type:ignore[arg-type]", "type-ignore", False),
        ("# pyright: ignore", "pyright-ignore", True),
        ("# mypy: ignore-errors", "mypy", True),
        ("# mypy: ignore_errors=True", "mypy", True),
        ("# mypy: disable-error-code=misc", "mypy", False),
        ("# pylint: disable=W0703", "pylint", False),
        ("# pylint: skip-file", "pylint", True),
        ("# pylint: disable=all", "pylint", True),
        ("# pylint: disable = all", "pylint", True),
        ("# pylint: disable-next=W0703", "pylint", False),
        ("# fmt: off", "format-off", False),
        ("# fmt: skip", "format-off", False),
        ("# yapf: disable", "format-off", False),
        ("# isort:skip", "isort", False),
        ("# isort: skip_file", "isort", False),
        ("# isort: off", "isort", False),
        ("# pragma: no cover", "no-cover", False),
        ("# nosec", "nosec", True),
        ("# nosec B101", "nosec", False),
        ("# nosemgrep", "nosemgrep", True),
        ("# nosemgrep: a.b-c", "nosemgrep", False),
        ("# deptry: ignore[DEP001]", "deptry-ignore", False),
        ("# pragma: allowlist secret", "allow-secret", False),
    ],
)
def test_every_spelling(comment: str, kind: str, blanket: bool) -> None:
    (found,) = in_python(f"x = 1  {comment}\n", "a.py")
    assert (found.kind, found.blanket, found.explained) == (kind, blanket, False)


@pytest.mark.parametrize(
    "text",
    [
        'x = "# noqa"\n',
        '"""\n# type: ignore\n"""\n',
        "# a word about noqa\n",
        "# what nosec means\n",
        "# fmt: on\n",
        "# isort: split\n",
    ],
)
def test_what_only_speaks_of_it_is_none(text: str) -> None:
    assert list(in_python(text, "a.py")) == []


def test_each_of_two_has_its_own_reason() -> None:
    line = "f()  # noqa: F821 - the host gives it  # type: ignore[x]  # the stub is wrong\n"
    first, second = in_python(line, "a.py")
    assert first.reason == "- the host gives it"
    assert second.reason == "the stub is wrong"
    assert first.explained
    assert second.explained


def test_the_next_request_is_no_reason() -> None:
    first, _ = in_python("f()  # noqa: F821  # type: ignore[attr] is wrong here\n", "a.py")
    assert not first.explained


def test_rust_takes_the_reason_from_above_or_beside() -> None:
    text = "// called from C only\n#[allow(dead_code)]\nfn f() {}\n#[allow(x)] // by two words\n"
    assert [one.explained for one in in_rust(text)] == [True, True]


@pytest.mark.parametrize(
    ("text", "kind", "line", "blanket", "explained"),
    [
        ("#[expect(dead_code)]\n", "rust-expect", 1, False, False),
        ('#[expect(dead_code, reason = "only C calls")]\n', "rust-expect", 1, False, True),
        ("\n#[allow(\n    dead_code,\n)] // called from C\n", "rust-allow", 2, False, True),
        ("#[cfg_attr(test, allow(dead_code))]\n", "rust-allow", 1, False, False),
        ("#[allow(dead_code)] pub fn some_thing() {}\n", "rust-allow", 1, False, False),
        ("#![allow(warnings)]\n", "rust-allow", 1, True, False),
        ("#[allow(clippy::all, dead_code)]\n", "rust-allow", 1, True, False),
    ],
)
def test_every_spelling_in_rust(
    text: str, kind: str, line: int, blanket: bool, explained: bool
) -> None:
    (found,) = in_rust(text)
    assert (found.kind, found.line) == (kind, line)
    assert (found.blanket, found.explained) == (blanket, explained)


@pytest.mark.parametrize(
    "text",
    [
        '#[inline]\nfn f() { x.expect("it is there") }\n',
        "/// Like `#[allow(dead_code)]`.\n",
        '#[case(x.expect("one"))]\n',
        "fn allow(x: u8) {}\n",
    ],
)
def test_what_is_no_request_in_rust(text: str) -> None:
    assert list(in_rust(text)) == []


def test_settings_are_counted() -> None:
    ruff = {"ignore": ["A", "B"], "per-file-ignores": {"tests/*": ["C"]}}
    overrides = [{"module": "x", "ignore_errors": True}]
    counted = in_settings({"tool": {"ruff": {"lint": ruff}, "mypy": {"overrides": overrides}}})
    assert counted == {
        "ruff-settings": 3,
        "mypy-settings": 1,
        "deptry-settings": 0,
        "coverage-settings": 0,
    }


def test_settings_in_every_place_are_counted() -> None:
    older = {"ignore": ["A"], "extend-per-file-ignores": {"a": ["B"]}}
    lint = {"extend-ignore": ["C"], "per-file-ignores": {"b": ["D", "E"]}}
    mypy = {"ignore_errors": True, "disable_error_code": ["misc"], "ignore_missing_imports": True}
    counted = in_settings({"tool": {"ruff": {**older, "lint": lint}, "mypy": mypy}})
    assert (counted["ruff-settings"], counted["mypy-settings"]) == (5, 3)


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ({"ruff": {"extend-ignore": ["ALL"]}}, ["ruff ignores ALL"]),
        ({"mypy": {"ignore_errors": True}}, ["mypy has ignore_errors"]),
        (
            {"mypy": {"overrides": [{"module": ["a.*", "tests.*"], "ignore_errors": True}]}},
            ["mypy has ignore_errors for a.*"],
        ),
        ({"mypy": {"overrides": [{"module": "tests.*", "ignore_errors": True}]}}, []),
        ({"mypy": {"overrides": [{"module": "a", "ignore_missing_imports": True}]}}, []),
        ({"ruff": {"lint": {"ignore": ["E501"]}}}, []),
    ],
)
def test_a_setting_that_hides_everything_is_told(tool: object, said: list[str]) -> None:
    assert [text for _, text in hides_all({"tool": tool})] == said


def test_settings_are_read_from_wherever_their_tool_looks(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('[lint]\nignore = ["A"]\nextend-ignore = ["ALL"]\n')
    (tmp_path / "mypy.ini").write_text(
        "[mypy]\nignore_errors = false\ndisable_error_code = misc, attr\n"
        "[mypy-parcel.*,tests.*]\nignore_errors = True\n"
    )
    settings = read_settings(tmp_path)
    assert list(settings) == ["ruff.toml", "mypy.ini"]
    assert in_settings(settings["ruff.toml"])["ruff-settings"] == 2
    assert in_settings(settings["mypy.ini"])["mypy-settings"] == 3
    assert [text for one in settings.values() for _, text in hides_all(one)] == [
        "ruff ignores ALL",
        "mypy has ignore_errors for parcel.*",
    ]


@pytest.mark.parametrize(("name", "text"), [("ruff.toml", "["), ("setup.cfg", "key = 1\n")])
def test_settings_that_cannot_be_read_are_no_answer(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CouldNotRun, match=name):
        read_settings(tmp_path)


def test_a_file_that_ends_amid_things_is_no_answer() -> None:
    with pytest.raises(CouldNotRun, match=r"a\.py can't be read"):
        list(in_python("f(\n", "a.py"))
