from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks import softened
from checks.model import CouldNotRun
from checks.softened import hides_all, in_settings, look_beside

if TYPE_CHECKING:
    from pathlib import Path

RUFF = {"tool": {"ruff": {"lint": {"select": ["ALL"]}}}}
NONE = dict.fromkeys(
    ("ruff-settings", "ruff-narrowed", "mypy-settings", "deptry-settings", "coverage-settings"), 0
)


def test_without_settings_nothing_is_let_pass() -> None:
    assert in_settings({}) == NONE
    assert in_settings(RUFF) == NONE


@pytest.mark.parametrize(
    ("tool", "kind", "count"),
    [
        ({"ruff": {"lint": {"extend-select": ["ALL"], "ignore": ["A", "B"]}}}, "ruff-settings", 2),
        (
            {"ruff": {"select": ["ALL"], "per-file-ignores": {"a": ["C"], "b": ["D", "E"]}}},
            "ruff-settings",
            3,
        ),
        ({"ruff": {"lint": {"select": ["ALL"], "exclude": ["a.py"]}}}, "ruff-settings", 1),
        ({"ruff": {"lint": {"select": ["E"]}}}, "ruff-narrowed", 1),
        ({"mypy": {"overrides": [{"module": "x"}], "ignore_errors": True}}, "mypy-settings", 2),
        ({"mypy": {"disable_error_code": ["misc", "attr"], "exclude": "a"}}, "mypy-settings", 3),
        ({"deptry": {"per_rule_ignores": {"DEP003": ["a"]}}}, "deptry-settings", 1),
        (
            {"coverage": {"report": {"exclude_lines": ["a"]}, "run": {"omit": ["b", "c"]}}},
            "coverage-settings",
            3,
        ),
    ],
)
def test_each_kind_is_counted(tool: dict[str, object], kind: str, count: int) -> None:
    assert in_settings({"tool": tool}) == {**NONE, kind: count}


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ({"ruff": {"extend-ignore": ["ALL"]}}, ["ruff has ALL in extend-ignore"]),
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


def test_nothing_is_asked_where_ruff_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(softened, "run_tool", None)
    assert look_beside(tmp_path, ["a.py"], {}) == softened.Beside()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ruff.toml", ""),
        ("src/parcel/.ruff.toml", ""),
        ("src/pyproject.toml", "[tool.ruff]\nline-length = 88\n"),
        ("mypy.ini", ""),
        ("setup.cfg", "[mypy-parcel.*]\nignore_errors = true\n"),
        ("tox.ini", "[flake8]\nexclude = src\n"),
    ],
)
def test_settings_elsewhere_are_seen(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "src/parcel").mkdir(parents=True)
    (tmp_path / "src/parcel/a.py").touch()
    (tmp_path / "setup.cfg").write_text("[metadata]\n")
    (tmp_path / name).write_text(text)
    assert look_beside(tmp_path, ["src/parcel/a.py"], {}).settings == (name,)


@pytest.mark.parametrize("name", ["setup.cfg", "src/pyproject.toml"])
def test_settings_that_can_not_be_read_are_no_answer(tmp_path: Path, name: str) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / name).write_text("[ruff\n")
    with pytest.raises(CouldNotRun, match="can't be read"):
        look_beside(tmp_path, ["src/a.py"], {})
