"""import-linter is believed only when it judged every contract over every file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from unit.checks.gates.lying import judged, project, saying, tool, tree

from checks.gates import architecture
from checks.gates.architecture import (
    APART,
    CONTRACTS,
    FORBIDDEN,
    LAYERS,
    PROTECTED,
    UNLISTED,
    ArchitectureGate,
    lint,
    read_contracts,
)
from checks.model import CouldNotRun, NotApplicable, Status

if TYPE_CHECKING:
    from pathlib import Path

    from checks.context import Context
    from checks.model import Finding

HEAD = '[tool.importlinter]\nroot_package = "parcel"\ninclude_external_packages = true\n'
CONTRACT = '[[tool.importlinter.contracts]]\nname = "{name}"\ntype = "{kind}"\n'
FLOORS = 'containers = ["parcel"]\nlayers = ["high", "low"]\n'
NO_JSON = 'source_modules = ["parcel"]\nforbidden_modules = ["json"]\n'
GUARDED = 'protected_modules = ["parcel.low"]\nallowed_importers = ["parcel.high"]\n'
MODULES = {"parcel/__init__.py": "", "parcel/high.py": "", "parcel/low.py": ""}
UPWARD = {"parcel/low.py": '"""Low."""\n\nfrom parcel import high\n'}
SPECIMENS = {
    "specimens/architecture/gates-apart/bad_a/checks/a.py": "import arqonbus\n",
    "specimens/architecture/gates-apart/good_a/checks/a.py": "import json\n",
}


def contracts(*bodies: tuple[str, str]) -> str:
    """A configuration of contracts, each a type and what it says; they are named c0, c1 …"""
    blocks = [
        CONTRACT.format(name=f"c{number}", kind=kind) + body
        for number, (kind, body) in enumerate(bodies)
    ]
    return "\n".join([HEAD, *blocks])


LAYERED = contracts(("layers", FLOORS))


def findings(root: Path, files: dict[str, str], config: str = LAYERED) -> tuple[Finding, ...]:
    tree(root, {**MODULES, **files, CONTRACTS: config})
    return lint(root / CONTRACTS, root, root).findings


def could_not_run(root: Path, files: dict[str, str], config: str = LAYERED) -> str:
    with pytest.raises(CouldNotRun) as caught:
        findings(root, files, config)
    return str(caught.value)


def test_imports_downward_are_no_finding(tmp_path: Path) -> None:
    assert findings(tmp_path, {"parcel/high.py": "from parcel import low\n"}) == ()


def test_an_import_upward_is_a_finding_with_file_and_line(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, UPWARD)
    assert finding.rule == LAYERS
    assert finding.location is not None
    assert (finding.location.path, finding.location.line) == ("parcel/low.py", 3)
    assert finding.snippet == "from parcel import high"
    assert (finding.context, finding.message) == ("c0", "parcel.low imports parcel.high: c0")


def test_a_way_round_is_found_by_its_first_step(tmp_path: Path) -> None:
    files = {
        "parcel/low.py": "import parcel.aside\n",
        "parcel/aside.py": "import parcel.high\n",
    }
    (finding,) = findings(tmp_path, files)
    assert finding.location is not None
    assert (finding.rule, finding.location.path) == (LAYERS, "parcel/low.py")


def test_a_forbidden_module_is_found_where_it_is_imported(tmp_path: Path) -> None:
    files = {"parcel/high.py": "import parcel.low\n", "parcel/low.py": "\nimport json\n"}
    body = 'source_modules = ["parcel.high"]\nforbidden_modules = ["json"]\n'
    (finding,) = findings(tmp_path, files, contracts(("forbidden", body)))
    assert finding.location is not None
    assert (finding.rule, finding.snippet) == (FORBIDDEN, "import json")
    assert (finding.location.path, finding.location.line) == ("parcel/low.py", 2)


def test_a_protected_module_is_found_where_it_is_imported(tmp_path: Path) -> None:
    files = {"parcel/other.py": "import parcel.low\n", "parcel/high.py": "import parcel.low\n"}
    (finding,) = findings(tmp_path, files, contracts(("protected", GUARDED)))
    assert finding.location is not None
    assert (finding.rule, finding.location.path) == (PROTECTED, "parcel/other.py")


def test_a_module_on_no_floor_is_a_finding(tmp_path: Path) -> None:
    config = contracts(("layers", FLOORS + "exhaustive = true\n"))
    (finding,) = findings(tmp_path, {"parcel/stray/__init__.py": ""}, config)
    assert finding.location is not None
    assert (finding.rule, finding.location.path) == (UNLISTED, "parcel/stray/__init__.py")


def test_every_broken_contract_says_where(tmp_path: Path) -> None:
    files = {"parcel/low.py": "import json\nfrom parcel import high\n"}
    both = contracts(("layers", FLOORS), ("forbidden", NO_JSON))
    assert [(one.rule, one.context) for one in findings(tmp_path, files, both)] == [
        (LAYERS, "c0"),
        (FORBIDDEN, "c1"),
    ]


@pytest.mark.parametrize(
    ("kind", "body", "named"),
    [
        ("layers", 'containers = ["parcel"]\nlayers = ["high", "lwo"]\n', "parcel.lwo"),
        ("layers", 'containers = ["parcel"]\nlayers = ["high | lwo"]\n', "parcel.lwo"),
        ("layers", 'containers = ["parsel"]\nlayers = ["high", "low"]\n', "parsel.high"),
        ("forbidden", NO_JSON.replace('"parcel"', '"parcel.lwo"'), "parcel.lwo"),
        ("forbidden", NO_JSON.replace("json", "jsn"), "jsn"),
        ("forbidden", NO_JSON.replace("json", "aiohttpp"), "aiohttpp"),
        ("forbidden", NO_JSON.replace("json", "json.lwo"), "json.lwo"),
        ("protected", GUARDED.replace("low", "lwo"), "parcel.lwo"),
        ("protected", GUARDED.replace("high", "hihg"), "parcel.hihg"),
    ],
)
def test_a_misspelt_module_is_no_contract_kept(
    tmp_path: Path, kind: str, body: str, named: str
) -> None:
    said = could_not_run(tmp_path, {}, contracts((kind, body)))
    assert said == f"contract 'c0' names {named}: no such module"


@pytest.mark.parametrize("name", ["json", "aiohttp", "checks", "parcel.low"])
def test_a_module_that_may_be_forbidden(tmp_path: Path, name: str) -> None:
    tree(tmp_path, {**MODULES, CONTRACTS: contracts(("forbidden", NO_JSON.replace("json", name)))})
    assert len(read_contracts(tmp_path / CONTRACTS, tmp_path)) == 1


@pytest.mark.parametrize(
    "more",
    [
        'ignore_imports = ["parcel.low -> parcel.high"]\n',
        'unmatched_ignore_imports_alerting = "no"\n',
    ],
)
def test_exceptions_are_not_allowed(tmp_path: Path, more: str) -> None:
    config = contracts(("layers", FLOORS + more))
    assert "exceptions" in could_not_run(tmp_path, UPWARD, config)


@pytest.mark.parametrize("config", [HEAD, HEAD + "contracts = []\n"])
def test_without_contracts_there_is_nothing_kept(tmp_path: Path, config: str) -> None:
    assert "no contracts" in could_not_run(tmp_path, {}, config)


@pytest.mark.parametrize("text", ["def (\n", "import json\n  import os\n", '"""never closed\n'])
def test_a_file_that_can_not_be_parsed_is_no_answer(tmp_path: Path, text: str) -> None:
    assert "gave no verdict" in could_not_run(tmp_path, {"parcel/low.py": text})


KEPT = "Contracts: 1 kept, 0 broken."
BROKEN = "Contracts: 0 kept, 1 broken.\n\n\nBroken contracts\n----------------\n\n"


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "exit 1",
        "echo 'Traceback (most recent call last):' >&2; exit 1",
        saying(KEPT, 1),
        "echo 'Contracts: 1 kept, 0 broken.'; kill -9 $$",
        saying("Contracts: 0 kept, 0 broken."),
        saying("Contracts: 2 kept, 0 broken."),
        saying("Contracts: 1 kept, 1 broken.", 1),
        saying("Contracts: 0 kept, 1 broken.", 0),
        saying(BROKEN, 1),
        saying(BROKEN + "c0\n--\n\nparcel.low is not allowed to import parcel.high", 1),
        saying(f"All is well. {KEPT}"),
    ],
)
def test_a_tool_that_crashes_or_contradicts_itself_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    command = tool(tmp_path / "lint-imports", script)
    monkeypatch.setattr(architecture, "tool_path", lambda _: str(command))
    assert could_not_run(tmp_path, UPWARD)


def test_what_the_tool_said_last_is_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tool(tmp_path / "lint-imports", "echo one; echo 'Could not find package' >&2; exit 1")
    monkeypatch.setattr(architecture, "tool_path", lambda _: str(command))
    said = could_not_run(tmp_path, {})
    assert said == "import-linter gave no verdict: Could not find package"


def test_a_tool_that_is_not_there_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(architecture, "tool_path", lambda _: str(tmp_path / "absent"))
    assert "could not be started" in could_not_run(tmp_path, {})


def parcel(tmp_path: Path, files: dict[str, str], config: str = LAYERED) -> Context:
    """The context of a project with the modules of the contracts and `files`."""
    sources = {f"src/{name}": text for name, text in {**MODULES, **files}.items()}
    sources |= {name: text for name, text in files.items() if name.startswith("checks/")}
    return project(tmp_path, sources, {CONTRACTS: config, **SPECIMENS})


def test_a_clean_project_passes_with_all_its_files(tmp_path: Path) -> None:
    result = judged(ArchitectureGate(), parcel(tmp_path, {}), APART)
    assert result.status is Status.PASSED
    assert result.output is not None
    (scope,) = result.output.scopes
    assert scope.scanned == scope.expected == {f"src/{name}" for name in MODULES}


def test_a_broken_contract_fails_the_gate(tmp_path: Path) -> None:
    result = judged(ArchitectureGate(), parcel(tmp_path, UPWARD), APART)
    assert (result.status, result.reason) == (Status.FAILED, "1 finding")


def test_a_file_that_the_graph_does_not_hold_fails_the_gate(tmp_path: Path) -> None:
    files = {"parcel/hidden/low.py": "from parcel import high\n"}
    result = judged(ArchitectureGate(), parcel(tmp_path, files), APART)
    assert result.status is Status.FAILED
    assert "not looked at: src/parcel/hidden/low.py" in result.reason


@pytest.mark.parametrize("text", ["def (\n", "\0", "# coding: nonsense\n"])
def test_a_file_that_can_not_be_parsed_is_no_pass(tmp_path: Path, text: str) -> None:
    result = judged(ArchitectureGate(), parcel(tmp_path, {"parcel/high.py": text}), APART)
    assert result.status is Status.COULD_NOT_RUN


def test_a_graph_that_can_not_be_built_is_no_scope(tmp_path: Path) -> None:
    context = parcel(tmp_path, {"parcel/high.py": "def (\n"})
    with pytest.raises(CouldNotRun, match="grimp built no graph"):
        architecture._scope(context, context.project / "src")


def test_a_package_with_nothing_to_scan_is_no_pass(tmp_path: Path) -> None:
    context = parcel(tmp_path, {})
    for path in (context.project / "src/parcel").iterdir():
        path.rename(path.with_suffix(".pyi"))
    manifest = replace(context.manifest, python=frozenset())
    result = judged(ArchitectureGate(), replace(context, manifest=manifest), APART)
    assert result.status is Status.COULD_NOT_RUN


@pytest.mark.parametrize(
    "line",
    [
        "import arqonbus",
        "import json, arqonbus.bus",
        "import arqonbus as bus",
        "from arqonbus import errors",
        "from arqonbus.errors import ErrorCode",
        "def late():\n    import arqonbus",
    ],
)
def test_gates_that_import_the_bus_are_a_finding(tmp_path: Path, line: str) -> None:
    tree(tmp_path, {"checks/gates/a.py": f"import json\n{line}\n"})
    (finding,) = architecture._gates_apart(tmp_path)
    assert finding.rule == APART
    assert finding.location is not None
    assert finding.location.path == "checks/gates/a.py"
    assert finding.location.line == 2 + line.count("\n")


@pytest.mark.parametrize(
    "line", ["import arqonbus_probe", "from checks import model", "arqonbus=1"]
)
def test_what_only_looks_alike_is_none(tmp_path: Path, line: str) -> None:
    tree(tmp_path, {"checks/a.py": f"{line}\n"})
    assert list(architecture._gates_apart(tmp_path)) == []


@pytest.mark.parametrize(
    ("text", "status"),
    [("import arqonbus\n", Status.FAILED), ("def (\n", Status.COULD_NOT_RUN)],
)
def test_the_gates_own_files_count(tmp_path: Path, text: str, status: Status) -> None:
    result = judged(ArchitectureGate(), parcel(tmp_path, {"checks/a.py": text}), APART)
    assert result.status is status


def test_a_blunt_rule_fails_the_gate(tmp_path: Path) -> None:
    context = parcel(tmp_path, {})
    (context.policies / "specimens/architecture/gates-apart/bad_a/checks/a.py").write_text("")
    result = judged(ArchitectureGate(), context, APART)
    assert result.status is Status.FAILED
    assert f"{APART} is silent on" in result.reason


def test_without_specimens_the_gate_can_not_show_that_it_bites(tmp_path: Path) -> None:
    context = project(tmp_path, {f"src/{n}": t for n, t in MODULES.items()}, {CONTRACTS: LAYERED})
    assert judged(ArchitectureGate(), context).status is Status.COULD_NOT_RUN


@pytest.mark.parametrize("own", [True, False])
def test_only_the_own_project_has_contracts(tmp_path: Path, own: bool) -> None:
    context = parcel(tmp_path, {})
    if own:
        (context.policies / CONTRACTS).unlink()
    with pytest.raises(NotApplicable):
        ArchitectureGate().check(replace(context, own=own))
