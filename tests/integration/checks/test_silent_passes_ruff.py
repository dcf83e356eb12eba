"""Ways in which ruff passes without having looked, in the real tool; the gate `suppressions` fails.

Each case begins with code that ruff finds fault with, and is then content with. The gate holds it
against a record that allows nothing.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from checks_support import make_context, make_project

from checks.gates.static import _own, _parse
from checks.gates.suppressions import BLANKET, GREW, NO_REASON, SuppressionsGate
from checks.model import CouldNotRun, Status
from checks.process import clean_environment, tool_path
from checks.runner import run_gate

if TYPE_CHECKING:
    from pathlib import Path

CODE = "import os\n"
ALL = '[tool.ruff.lint]\nselect = ["ALL"]\n'
RECORD = "schema = 1\nreason_required = true\n[most]\n"
INSECURE = """\
def load(text):
    try:
        return eval(text){0}
    except Exception:{0}
        pass
"""


def content(root: Path, *arguments: str) -> bool:
    """Tell whether ruff passes the project."""
    command = [tool_path("ruff"), "check", "--no-cache", *arguments]
    done = subprocess.run(
        command, cwd=root, env=clean_environment(), capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that uses all rules of ruff, breaks one, and may not let anything pass."""
    project = make_project(tmp_path / "project")
    (project / "pyproject.toml").write_text((project / "pyproject.toml").read_text() + ALL)
    write(project, "src/parcel/__init__.py", CODE)
    write(project, "policies/suppressions.toml", RECORD)
    return project


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text(text)


def told(root: Path, tmp_path: Path) -> dict[str, str]:
    """What the gate finds, by rule; it must have failed."""
    context = make_context(root, tmp_path / "work", own=False)
    result = run_gate(SuppressionsGate(), context, without_specimens=())
    assert result.status is Status.FAILED, result.reason
    assert result.output
    return {one.rule: one.message for one in result.output.findings}


def test_the_code_is_bad_and_the_gate_has_nothing_against_its_settings(
    root: Path, tmp_path: Path
) -> None:
    assert not content(root)
    context = make_context(root, tmp_path / "work", own=False)
    result = run_gate(SuppressionsGate(), context, without_specimens=())
    assert result.status is Status.PASSED, result.reason
    assert result.output
    assert [one.name for one in result.output.tools] == ["ruff"]


@pytest.mark.parametrize(
    "text",
    [
        "import os  # noqa\n",
        "import os  # NOQA: D104,F401,RUF100\n",
        "import os  #noqa:D104 F401\n",
        "import os  # other # noqa\n",
        "import os  # ruff: ignore[D104, F401]\n",
        "# ruff: noqa\nimport os\n",
        "# flake8: noqa\nimport os\n",
        "#ruff:noqa: D104, F401\nimport os\n",
        "import os\n# flake8: noqa: D104, F401\n",
        "# ruff: file-ignore[D104, F401]\nimport os\n",
        "# ruff: disable[D104, F401]\nimport os\n# ruff: enable[D104, F401]\n",
    ],
)
def test_comments(root: Path, tmp_path: Path, text: str) -> None:
    write(root, "src/parcel/__init__.py", text)
    assert content(root, "--select", "D104,F401")
    rules = told(root, tmp_path)
    assert {GREW, NO_REASON} <= set(rules)
    named = ("D104" in text, BLANKET in rules)
    assert named in {(True, False), (False, True)}


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ('ignore = ["ALL"]', "1 of ruff-settings"),
        ('extend-ignore = ["ALL"]', "1 of ruff-settings"),
        ('per-file-ignores = {"src/**" = ["ALL"]}', "1 of ruff-settings"),
        ('extend-per-file-ignores = {"*.py" = ["ALL"]}', "1 of ruff-settings"),
        ('exclude = ["*.py"]', "1 of ruff-settings"),
        ('[tool.ruff]\nexclude = ["src"]', "1 of ruff-left-out"),
        ('[tool.ruff]\nextend-exclude = ["__init__.py"]', "1 of ruff-left-out"),
        ('[tool.ruff]\ninclude = ["*.ipynb"]', "1 of ruff-left-out"),
        ('[tool.ruff]\nextend = "other.toml"', "1 of settings-elsewhere"),
    ],
)
def test_settings(root: Path, tmp_path: Path, settings: str, kind: str) -> None:
    write(root, "other.toml", 'exclude = ["src"]\n')
    text = (root / "pyproject.toml").read_text()
    if settings.startswith("[tool.ruff]"):
        settings, text = "", text.replace("[tool.ruff.lint]", f"{settings}\n[tool.ruff.lint]")
    write(root, "pyproject.toml", f"{text}{settings}\n")
    assert content(root)
    assert told(root, tmp_path)[GREW].startswith(f"{kind}, recorded are 0")


def test_no_rule_at_all(root: Path, tmp_path: Path) -> None:
    text = (root / "pyproject.toml").read_text()
    write(root, "pyproject.toml", text.replace('["ALL"]', "[]"))
    assert content(root)
    assert "ruff-narrowed" in told(root, tmp_path)[GREW]


@pytest.mark.parametrize("name", ["ruff.toml", ".ruff.toml", "src/parcel/ruff.toml"])
def test_settings_elsewhere(root: Path, tmp_path: Path, name: str) -> None:
    write(root, name, "[lint]\nselect = []\n")
    assert content(root)
    assert told(root, tmp_path)[GREW] == f"1 of settings-elsewhere, recorded are 0: {name}"


def test_what_git_ignores(root: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    write(root, ".gitignore", "src/\n")
    assert content(root)
    assert told(root, tmp_path)[GREW].endswith("recorded are 0: src/parcel/__init__.py")


def test_nothing_to_look_at(root: Path, tmp_path: Path) -> None:
    context = make_context(root, tmp_path / "work", own=False)
    (root / "src/parcel/__init__.py").unlink()
    (root / "pyproject.toml").rename(root / "kept.toml")
    assert content(root)
    with pytest.raises(CouldNotRun, match="can't be read"):
        SuppressionsGate().check(context)


def test_unknown_rules_are_refused_and_in_comments_hide_nothing(root: Path, tmp_path: Path) -> None:
    write(root, "src/parcel/__init__.py", "# ruff: noqa: XYZ999\nimport os  # noqa: XYZ999\n")
    assert not content(root)
    assert NO_REASON in told(root, tmp_path)
    text = (root / "pyproject.toml").read_text()
    write(root, "pyproject.toml", f'{text}ignore = ["XYZ"]\n')
    with pytest.raises(CouldNotRun, match="Unknown rule selector `XYZ`"):
        SuppressionsGate().check(make_context(root, tmp_path / "work", own=False))


def test_rules_of_security_can_be_hidden_from_ruff_and_not_from_the_gates(
    root: Path, tmp_path: Path
) -> None:
    name = "src/parcel/__init__.py"
    write(root, name, INSECURE.format("  # noqa: S307, S110 - the text is our own"))
    assert content(root, "--select", "S")
    assert told(root, tmp_path) == {GREW: "2 of noqa, recorded are 0"}
    found = {one.rule for one in _own(_parse(root, [name]))}
    assert "static.swallowed-exception" in found


def test_nosec_hides_nothing_from_ruff_and_is_refused(root: Path, tmp_path: Path) -> None:
    write(root, "src/parcel/__init__.py", INSECURE.format("  # nosec"))
    assert not content(root, "--select", "S307")
    assert not content(root, "--select", "S110")
    assert {BLANKET, NO_REASON, GREW} == set(told(root, tmp_path))


def test_a_path_that_does_not_exist_is_no_pass(root: Path) -> None:
    assert not content(root, "nowhere")
