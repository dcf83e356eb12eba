"""What deptry and import-linter are content with, and that the gates are not.

Each case provokes the silence in the real tool (exit 0) and holds the same project against the
gate. What neither sees, an import by a computed name, the clean room shows by importing
(policies/specimens/cleanroom/import/bad_dynamic.toml).
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from unit.checks.gates.lying import judged, project, tool
from unit.checks.gates.test_architecture import (
    FLOORS,
    LAYERED,
    MODULES,
    NO_JSON,
    SPECIMENS,
    UPWARD,
    contracts,
)
from unit.checks.gates.test_dependencies import HEAD, NONE, USES, Here, parcel

from checks.gates import architecture
from checks.gates.architecture import APART, CONTRACTS, ArchitectureGate
from checks.gates.dependencies import SUPPRESSED
from checks.gates.shadowing import UNEXPECTED, Taken, judge, own_names, source_top_levels
from checks.model import Status
from checks.process import clean_environment, tool_path

if TYPE_CHECKING:
    from checks.context import Context

ABSENT = "import nowhere_to_be\n"
EXTRA = '[project.optional-dependencies]\nmore = ["nowhere-to-be"]\n'
UNHEEDED = '[tool.deptry]\nignore = ["DEP003"]\n'
LEFT_OUT = '[tool.deptry]\nextend_exclude = ["src"]\n'
GUESSED = HEAD + 'dependencies = ["nowhere-to-be"]\n'


def run(*argv: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(argv),
        cwd=at,
        env=clean_environment({"PYTHONPATH": "src"}),
        capture_output=True,
        text=True,
        check=False,
    )


def content(context: Context) -> bool:
    """Tell whether deptry, run as its documentation does, passes the project."""
    return run(sys.executable, "-m", "deptry", "src", at=context.project).returncode == 0


@pytest.mark.parametrize(
    ("text", "files", "status", "reason"),
    [
        ("import packaging, (\n", {}, Status.COULD_NOT_RUN, "not sure"),
        ("import packaging  # deptry: ignore\n", {}, Status.FAILED, "1 finding"),
        (ABSENT, {"pyproject.toml": GUESSED}, Status.COULD_NOT_RUN, "not sure"),
        (ABSENT, {"pyproject.toml": NONE + EXTRA}, Status.COULD_NOT_RUN, "not sure"),
        (ABSENT, {"pyproject.toml": NONE + LEFT_OUT}, Status.COULD_NOT_RUN, "may not set"),
        (USES, {"pyproject.toml": NONE + UNHEEDED}, Status.COULD_NOT_RUN, "may not set"),
    ],
    ids=[
        "can't be parsed",
        "ignored",
        "a guessed name",
        "an extra",
        "a folder left out",
        "what came along, unheeded",
    ],
)
def test_deptry(
    tmp_path: Path, text: str, files: dict[str, str], status: Status, reason: str
) -> None:
    context = parcel(tmp_path, text, **{"pyproject.toml": NONE, **files})
    assert content(context)
    result = judged(Here(), context, SUPPRESSED)
    assert (result.status, reason in result.reason) == (status, True), result.reason


def test_deptry_with_nothing_to_look_at(tmp_path: Path) -> None:
    context = parcel(tmp_path, **{"pyproject.toml": NONE})
    (context.project / "src/parcel/__init__.py").unlink()
    assert content(context)
    assert judged(Here(), context, SUPPRESSED).status is Status.COULD_NOT_RUN


def test_a_stub_that_hides_a_missing_distribution_from_deptry(tmp_path: Path) -> None:
    stub = {"src/nowhere_to_be/__init__.py": '"""A stand-in."""\n'}
    context = parcel(
        tmp_path, USES.replace("packaging", "nowhere_to_be"), **{"pyproject.toml": NONE, **stub}
    )
    assert content(context)
    tops = source_top_levels(context.project, context.manifest)
    own = own_names("parcel", [one.name for one in tops])
    (finding,) = judge(tops, Taken({}, frozenset()), own)
    assert (finding.rule, finding.context) == (UNEXPECTED, "nowhere_to_be")


def kept(context: Context, *arguments: str) -> bool:
    """Tell whether import-linter, run as its documentation does, keeps every contract."""
    config = str(context.policies / CONTRACTS)
    command = [tool_path("lint-imports"), "--config", config, "--no-cache", *arguments]
    done = run(*command, at=context.project)
    return done.returncode == 0 and " 0 broken." in done.stdout


def floors(tmp_path: Path, files: dict[str, str], config: str = LAYERED) -> Context:
    sources = {f"src/{name}": text for name, text in {**MODULES, **files}.items()}
    return project(tmp_path, sources, {CONTRACTS: config, **SPECIMENS})


@pytest.mark.parametrize(
    ("files", "config", "status", "reason"),
    [
        (
            {"parcel/low.py": "import json\n"},
            contracts(("forbidden", NO_JSON.replace("json", "jsn"))),
            Status.COULD_NOT_RUN,
            "names jsn: no such module",
        ),
        (
            {"parcel/low.py": 'HIGH = __import__("parcel.high")\n'},
            LAYERED,
            Status.FAILED,
            "1 finding",
        ),
        (
            {"parcel/hidden/low.py": "from parcel import high\n"},
            LAYERED,
            Status.FAILED,
            "not looked at: src/parcel/hidden/low.py",
        ),
        (
            UPWARD,
            contracts(("layers", FLOORS + 'ignore_imports = ["parcel.low -> parcel.high"]\n')),
            Status.COULD_NOT_RUN,
            "exceptions",
        ),
        (
            {},
            contracts(
                ("layers", FLOORS + 'unmatched_ignore_imports_alerting = "none"\n'
                 'ignore_imports = ["parcel.low -> parcel.gone"]\n')
            ),
            Status.COULD_NOT_RUN,
            "exceptions",
        ),
    ],
    ids=["misspelt", "by a string", "no __init__", "ignored", "ignored and gone"],
)  # fmt: skip
def test_import_linter(
    tmp_path: Path, files: dict[str, str], config: str, status: Status, reason: str
) -> None:
    context = floors(tmp_path, files, config)
    assert kept(context)
    result = judged(ArchitectureGate(), context, APART)
    assert (result.status, reason in result.reason) == (status, True), result.reason


def test_import_linter_with_some_of_the_contracts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = contracts(("forbidden", 'id = "c0"\n' + NO_JSON), ("layers", FLOORS))
    context = floors(tmp_path, UPWARD, config)
    assert kept(context, "--contract", "c0")
    real = shlex.quote(tool_path("lint-imports"))
    subset = tool(tmp_path / "subset", f'exec {real} "$@" --contract c0')
    monkeypatch.setattr(architecture, "tool_path", lambda _: str(subset))
    result = judged(ArchitectureGate(), context, APART)
    assert (result.status, "judged 1 of 2 contracts" in result.reason) == (
        Status.COULD_NOT_RUN,
        True,
    )
