"""deptry is believed only when it was sure, and looked at every shipped file."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from unit.checks.gates.lying import judged, project, saying, tool, tree

from checks.gates import dependencies
from checks.gates.dependencies import SUPPRESSED, DependenciesGate, run_deptry
from checks.manifest import build_manifest
from checks.model import CouldNotRun, NotApplicable, Status

if TYPE_CHECKING:
    from checks.context import Context
    from checks.model import Finding

HERE = Path(sys.executable)
HEAD = '[project]\nname = "parcel"\nversion = "1.0"\n'
NONE = HEAD + "dependencies = []\n"
PACKAGING = HEAD + 'dependencies = ["packaging"]\n'
USES = '"""Parcel."""\n\nimport packaging\n'
LOCK = f"packaging==25.0 \\\n    --hash=sha256:{'0' * 64}\n"
SPECIMEN = "specimens/dependencies/suppressed"
SPECIMENS = {
    f"{SPECIMEN}/bad_a/pyproject.toml": NONE,
    f"{SPECIMEN}/bad_a/src/pkg/__init__.py": "import packaging  # deptry: ignore[DEP001]\n",
    f"{SPECIMEN}/good_a/pyproject.toml": NONE,
    f"{SPECIMEN}/good_a/src/pkg/__init__.py": "import json\n",
}


def look(
    root: Path, *, pyproject: str = PACKAGING, text: str = USES, python: Path = HERE
) -> tuple[Finding, ...]:
    tree(root / "project", {"pyproject.toml": pyproject, "src/parcel/__init__.py": text})
    (root / "work").mkdir(exist_ok=True)
    return run_deptry(python, root / "project", "src", root / "work").findings


def could_not_run(root: Path, *, pyproject: str = PACKAGING, python: Path = HERE) -> str:
    with pytest.raises(CouldNotRun) as caught:
        look(root, pyproject=pyproject, python=python)
    return str(caught.value)


def test_what_is_declared_may_be_imported(tmp_path: Path) -> None:
    assert look(tmp_path) == ()


def test_a_missing_declaration_is_a_finding_with_file_and_line(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, pyproject=NONE, text=USES.replace("packaging", "nowhere_to_be"))
    assert finding.rule == "dependencies.missing"
    assert finding.location is not None
    assert (finding.location.path, finding.location.line) == ("src/parcel/__init__.py", 3)
    assert (finding.snippet, finding.context) == ("import nowhere_to_be", "nowhere_to_be")
    assert finding.remediation


def test_what_only_came_along_is_a_finding(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, pyproject=NONE)
    assert finding.rule == "dependencies.transitive"


def test_what_only_development_has_is_a_finding(tmp_path: Path) -> None:
    group = '[dependency-groups]\ndev = ["packaging"]\n'
    (finding,) = look(tmp_path, pyproject=NONE + group)
    assert finding.rule == "dependencies.misplaced"


def test_an_unused_declaration_is_a_finding_without_a_line(tmp_path: Path) -> None:
    (finding,) = look(tmp_path, text="")
    assert finding.rule == "dependencies.unused"
    assert finding.location is not None
    assert (finding.location.path, finding.location.line) == ("pyproject.toml", None)


def test_a_dependency_that_is_not_installed_is_a_doubt(tmp_path: Path) -> None:
    pyproject = PACKAGING.replace("packaging", "nowhere-to-be")
    assert "not sure" in could_not_run(tmp_path, pyproject=pyproject)


@pytest.mark.parametrize("spelt", ["nowhere-to-be", "Nowhere_To.Be>=1"])
def test_unless_only_development_needs_it(tmp_path: Path, spelt: str) -> None:
    group = f'[dependency-groups]\ndev = ["{spelt}", {{ include-group = "more" }}]\nmore = []\n'
    assert look(tmp_path, pyproject=PACKAGING + group) == ()


@pytest.mark.parametrize(
    "settings", ['ignore = ["DEP001"]', 'exclude = ["src"]', "known_first_party = ['x']"]
)
def test_deptry_may_not_be_told_to_look_away(tmp_path: Path, settings: str) -> None:
    said = could_not_run(tmp_path, pyproject=f"{NONE}[tool.deptry]\n{settings}\n")
    assert settings.split(maxsplit=1)[0] in said


def test_an_extra_may_be_named(tmp_path: Path) -> None:
    extra = (
        '[project.optional-dependencies]\nbench = ["packaging"]\n'
        '[tool.deptry]\noptional_dependencies_dev_groups = ["bench"]\n'
    )
    assert look(tmp_path, pyproject=NONE + extra, text="") == ()


RECORD = {
    "error": {"code": "DEP001", "message": "missing"},
    "module": "nowhere",
    "location": {"file": "src/parcel/__init__.py", "line": 3, "column": 8},
}


def writing(records: object, code: int, said: str = "Scanning 1 file...") -> str:
    """A script that plays deptry: its answer goes where it was told to put it."""
    return f"cat > \"$6\" <<'END'\n{json.dumps(records)}\nEND\n{saying(said, code)}"


def test_an_answer_is_read_from_where_it_was_asked_for(tmp_path: Path) -> None:
    python = tool(tmp_path / "python", writing([RECORD], 1))
    (finding,) = look(tmp_path, python=python)
    assert (finding.rule, finding.message) == ("dependencies.missing", "missing")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 0", "no verdict"),
        ("exit 1", "no verdict"),
        ("echo 'Traceback (most recent call last):' >&2; exit 1", "no verdict .exit 1.: Traceback"),
        (saying("Scanning 1 file..."), "no verdict"),
        (writing([], 0, ""), "no verdict"),
        (writing([], 1), "exited 1 with 0 findings"),
        (writing([RECORD], 0), "exited 0 with 1 findings"),
        (f"({writing([], 0)}); kill -9 $$", "exited -9 with 0 findings"),
        (writing([RECORD | {"error": "DEP001"}], 1), "another shape"),
        (writing([RECORD | {"location": None}], 1), "another shape"),
        (
            writing([RECORD | {"error": {"code": "DEP999", "message": ""}}], 1),
            "unknown code DEP999",
        ),
        (writing([], 0, "Scanning 1 file...\nAssuming something else."), "not sure"),
    ],
)
def test_a_tool_that_crashes_or_contradicts_itself_is_not_believed(
    tmp_path: Path, script: str, reason: str
) -> None:
    with pytest.raises(CouldNotRun, match=reason):
        look(tmp_path, python=tool(tmp_path / "python", script))


def test_a_tool_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    assert "could not be started" in could_not_run(tmp_path, python=tmp_path / "absent")


def test_the_answer_of_a_run_before_is_no_answer(tmp_path: Path) -> None:
    assert look(tmp_path) == ()
    python = tool(tmp_path / "python", saying("Scanning 1 file..."))
    assert "no verdict" in could_not_run(tmp_path, python=python)


class Here(DependenciesGate):
    """The gate with the environment that the tests run in: making one needs an index."""

    def __init__(self) -> None:
        self.locks: list[Path] = []

    def _environment(self, context: Context, lock: Path) -> Path:
        assert context.manifest.lock == "policies/lock/runtime.txt"
        self.locks.append(lock)
        return HERE


def parcel(tmp_path: Path, text: str = USES, **files: str) -> Context:
    """The context of a project with `text` in its package and `files` beside it."""
    package = {"pyproject.toml": PACKAGING, "src/parcel/__init__.py": text}
    lock = {"policies/lock/runtime.txt": LOCK}
    return project(tmp_path, {**package, **lock, **files}, SPECIMENS)


def test_a_clean_project_passes_with_all_its_files(tmp_path: Path) -> None:
    context = parcel(tmp_path, **{"src/parcel/more.py": "import json\n"})
    gate = Here()
    result = judged(gate, context, SUPPRESSED)
    assert result.status is Status.PASSED
    # The specimens rely on what our own lock holds, whatever the project's does.
    assert gate.locks == [
        one / "lock/runtime.txt" for one in (context.project / "policies", context.policies)
    ]
    assert result.output is not None
    (scope,) = result.output.scopes
    assert scope.scanned == {"src/parcel/__init__.py", "src/parcel/more.py"}


@pytest.mark.parametrize("line", ["import nowhere_to_be", "import packaging  # deptry:ignore"])
def test_a_finding_fails_the_gate(tmp_path: Path, line: str) -> None:
    result = judged(Here(), parcel(tmp_path, f"{USES}{line}\n"), SUPPRESSED)
    assert (result.status, result.reason) == (Status.FAILED, "1 finding")
    assert result.output is not None
    (finding,) = result.output.findings
    assert finding.location is not None
    assert (finding.location.line, finding.snippet) == (4, line)


def test_a_file_that_deptry_did_not_scan_is_no_pass(tmp_path: Path) -> None:
    context = parcel(tmp_path)
    shipped = context.manifest.python | {"src/parcel/unseen.py"}
    manifest = replace(context.manifest, python=shipped)
    result = judged(Here(), replace(context, manifest=manifest), SUPPRESSED)
    assert result.status is Status.COULD_NOT_RUN
    assert "scanned 1 files, the manifest has 2" in result.reason


def test_a_package_with_nothing_to_scan_is_no_pass(tmp_path: Path) -> None:
    context = parcel(tmp_path, "")
    root = context.project
    (root / "src/parcel/__init__.py").rename(root / "src/parcel/__init__.pyi")
    (root / "pyproject.toml").write_text(NONE)
    result = judged(Here(), replace(context, manifest=build_manifest(root)), SUPPRESSED)
    assert result.status is Status.COULD_NOT_RUN


def test_a_file_that_is_no_text_is_no_pass(tmp_path: Path) -> None:
    context = parcel(tmp_path)
    (context.project / "src/parcel/__init__.py").write_bytes(USES.encode() + b"# \xff\n")
    assert judged(Here(), context, SUPPRESSED).status is Status.COULD_NOT_RUN


def test_settings_that_can_not_be_read_are_no_pass(tmp_path: Path) -> None:
    context = parcel(tmp_path)
    (context.project / "pyproject.toml").write_text("[project\n")
    assert judged(Here(), context, SUPPRESSED).status is Status.COULD_NOT_RUN


@pytest.mark.parametrize("kind", ["bad_a", "good_a"])
def test_a_specimen_that_proves_the_opposite_fails_the_gate(tmp_path: Path, kind: str) -> None:
    context = parcel(tmp_path)
    other = {"bad_a": "good_a", "good_a": "bad_a"}[kind]
    text = SPECIMENS[f"{SPECIMEN}/{other}/src/pkg/__init__.py"]
    (context.policies / f"{SPECIMEN}/{kind}/src/pkg/__init__.py").write_text(text)
    result = judged(Here(), context, SUPPRESSED)
    assert result.status is Status.FAILED
    assert kind in result.reason


def test_without_a_lock_there_is_no_environment_to_look_in(tmp_path: Path) -> None:
    context = project(tmp_path, {"src/parcel/__init__.py": USES}, SPECIMENS)
    with pytest.raises(NotApplicable, match="runtime lock"):
        DependenciesGate().check(context)


def pin(name: str, version: str = "1.0") -> str:
    return f"{name}=={version} \\\n    --hash=sha256:{'a' * 64}\n    # via parcel\n"


TOOLS = ("Deptry", "packaging", "requirements.parser", "click", "tomli")
ANY_TOOLS = "".join(pin(name) for name in (*TOOLS, "unrelated"))


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What environments are made from, instead of making them."""
    made: list[str] = []

    def record(_context: Context, lock: Path, *, name: str) -> Path:
        assert name == "dependencies"
        made.append(lock.read_text())
        return HERE

    monkeypatch.setattr(dependencies, "make_environment", record)
    return made


def environment(tmp_path: Path, tools: str) -> Path:
    context = parcel(tmp_path)
    tree(context.policies, {"lock/dev.txt": tools})
    return DependenciesGate()._environment(context, context.lock_file())


def test_the_environment_has_the_lock_and_deptry_and_no_more(
    tmp_path: Path, wanted: list[str]
) -> None:
    assert environment(tmp_path, ANY_TOOLS) == HERE
    (text,) = wanted
    assert text.startswith(LOCK)
    pinned = [line.partition("==")[0] for line in text.splitlines() if "==" in line]
    assert pinned == ["packaging", "Deptry", "requirements.parser", "click", "tomli"]
    assert text.count("--hash=sha256:") == len(pinned)


def test_a_tool_that_is_locked_for_other_machines_only_is_added(
    tmp_path: Path, wanted: list[str]
) -> None:
    context = parcel(tmp_path)
    tree(context.policies, {"lock/dev.txt": ANY_TOOLS})
    elsewhere = f"tomli==2.0 ; python_version < '0' --hash=sha256:{'a' * 64}"  # and no end of line
    (context.project / "policies/lock/runtime.txt").write_text(elsewhere)
    DependenciesGate()._environment(context, context.lock_file())
    assert f"{elsewhere}\nDeptry==1.0" in wanted[0]
    assert "\ntomli==1.0 \\" in wanted[0]


@pytest.mark.parametrize("absent", ["Deptry", "requirements.parser", "click", "tomli"])
def test_a_tool_that_is_not_locked_is_no_environment(
    tmp_path: Path, wanted: list[str], absent: str
) -> None:
    tools = "".join(pin(name) for name in TOOLS if name != absent)
    with pytest.raises(CouldNotRun, match="not in the lock of the checks"):
        environment(tmp_path, tools)
    assert wanted == []
