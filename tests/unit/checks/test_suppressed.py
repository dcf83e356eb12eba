from __future__ import annotations

import pytest

from checks.model import CouldNotRun
from checks.suppressed import in_python
from checks.suppressed_rust import in_rust


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
        ("# ruff: file-ignore[F401]", "file-noqa", False),
        ("# ruff: ignore[F401, unused-import]", "ruff-ignore", False),
        ("# ruff: ignore", "ruff-ignore", True),
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


def test_a_file_that_ends_amid_things_is_no_answer() -> None:
    with pytest.raises(CouldNotRun, match=r"a\.py can't be read"):
        list(in_python("f(\n", "a.py"))
