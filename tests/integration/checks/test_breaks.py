"""Deliberate breaks of this very project: each turns the right control red, at file and line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
TREES = ("src", "checks", "policies", "docs")
FILES = ("pyproject.toml", "tox.ini", "README.md", "CHANGELOG.md", "LICENSE")
Place = tuple[str, int]
Found = tuple[str, str, int | None]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def copy_project(folder: Path) -> Path:
    """A copy of the project's sources and policies."""
    copy = folder / "project"
    for tree in TREES:
        shutil.copytree(ROOT / tree, copy / tree, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, copy / name)
    return copy


def check(project: Path, tmp_path: Path, gate: str) -> dict[str, Any]:
    """Run one gate over the copy; its report."""
    reports = tmp_path / "reports"
    done = subprocess.run(
        [sys.executable, "-m", "checks", "--only", gate, "--reports", str(reports)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    loaded: dict[str, Any] = json.loads((reports / "report.json").read_text("utf-8"))
    return loaded


def findings(node: object) -> set[Found]:
    """Every finding of a report, as rule, path and line, wherever the report keeps it."""
    found: set[Found] = set()
    if isinstance(node, dict):
        place = node.get("location")
        if "rule" in node and isinstance(place, dict):
            found.add((node["rule"], place["path"], place.get("line")))
        for value in node.values():
            found |= findings(value)
    elif isinstance(node, list):
        for value in node:
            found |= findings(value)
    return found


def append(project: Path, path: str, text: str) -> Place:
    """Add `text` to a shipped file; the place of its last line."""
    file = project / path
    whole = file.read_text("utf-8") + "\n\n" + text
    file.write_text(whole, "utf-8")
    return path, len(whole.rstrip("\n").splitlines())


def bare_except(project: Path) -> Place:
    text = "def broken(x: int) -> None:\n    try:\n        print(x)\n    except:\n        pass\n"
    path, last = append(project, "src/arqonbus/bus/clock.py", text)
    return path, last - 1


def unverified_token(project: Path) -> Place:
    call = 'jwt.decode(t, options={"verify_signature": False})'
    text = f"def peek(t: str) -> object:\n    return {call}\n"
    return append(project, "src/arqonbus/shield/tokens.py", text)


def default_secret(project: Path) -> Place:
    text = 'import os\n\nKEY = os.environ.get("JWT_SECRET", "arqon-dev-secret")\n'
    return append(project, "src/arqonbus/shield/anonymous.py", text)


def open_bind(project: Path) -> Place:
    return append(project, "src/arqonbus/app/exits.py", 'HOST = "0.0.0.0"\n')


def mock_marker(project: Path) -> Place:
    return append(project, "src/arqonbus/commands/system.py", "# mocked for now\n")


def store_failed_went_on(project: Path) -> Place:
    text = (
        "def broken(storage: object, batch: object) -> None:\n    try:\n"
        "        storage.append(batch)\n    except StorageError:\n        log.error('lost')\n"
    )
    path, last = append(project, "src/arqonbus/bus/commits.py", text)
    return path, last - 1


def told_before_the_commit(project: Path) -> Place:
    text = (
        "def broken(storage: object, peer: object) -> None:\n"
        "    peer.receipts([b'stored'])\n    storage.append([])\n"
    )
    path, last = append(project, "src/arqonbus/bus/commits.py", text)
    return path, last - 1


def late_ability(project: Path) -> Place:
    path, last = append(
        project,
        "src/arqonbus/storage/memory.py",
        "class GroupStore:\n    def claim(self) -> None:\n        raise NotImplementedError\n",
    )
    return path, last


def fsync_off(project: Path) -> Place:
    text = 'OFF = "PRAGMA synchronous = OFF"\n'
    return append(project, "src/arqonbus/storage/sqlite/schema.py", text)


def syntax_error(project: Path) -> Place:
    return append(project, "src/arqonbus/model/principal.py", "def broken(:\n")


STATIC = {
    "static.swallowed-exception": bare_except,
    "static.jwt-verification-off": unverified_token,
    "static.secret-fallback": default_secret,
    "static.fixed-bind": open_bind,
    "static.mock-marker": mock_marker,
    "static.store-failed-went-on": store_failed_went_on,
    "static.receipt-before-commit": told_before_the_commit,
    "static.late-not-implemented": late_ability,
    "static.store-durability-off": fsync_off,
    "static.syntax-error": syntax_error,
}


def test_static_breaks(project: Path, tmp_path: Path) -> None:
    """All in one copy, since a look at it is dear."""
    wanted: set[Found] = {(rule, *break_it(project)) for rule, break_it in STATIC.items()}
    found = findings(check(project, tmp_path, "static"))
    assert wanted - found == set()
    assert {place[1:] for place in found} == {place[1:] for place in wanted}


def test_an_upward_import(project: Path, tmp_path: Path) -> None:
    path, line = append(
        project, "src/arqonbus/model/ids.py", "from arqonbus.routing.hub import Hub as _Hub\n"
    )
    report = check(project, tmp_path, "architecture")
    assert ("architecture.layers", path, line) in findings(report)


def test_a_removed_dependency(project: Path, tmp_path: Path) -> None:
    file = project / "pyproject.toml"
    text = file.read_text("utf-8")
    kept = [line for line in text.splitlines() if not line.strip().startswith('"structlog')]
    file.write_text("\n".join(kept) + "\n", "utf-8")
    first = next(
        n
        for n, line in enumerate((ROOT / "src/arqonbus/bus/bus.py").read_text().splitlines(), 1)
        if line == "import structlog"
    )
    found = findings(check(project, tmp_path, "dependencies"))
    assert {(path, line) for rule, path, line in found if rule.startswith("dependencies.")} >= {
        ("src/arqonbus/bus/bus.py", first)
    }


def test_a_stub_package_beside_ours(project: Path, tmp_path: Path) -> None:
    stub = project / "src" / "aiohttp" / "__init__.py"
    stub.parent.mkdir()
    stub.write_text('"""Minimal aiohttp stub for testing."""\n', "utf-8")
    found = findings(check(project, tmp_path, "shadowing"))
    assert any(
        rule.startswith("shadowing.") and path == "src/aiohttp/__init__.py" and line == 1
        for rule, path, line in found
    )


def test_a_test_file_in_the_wheel(project: Path, tmp_path: Path) -> None:
    shipped = project / "src" / "arqonbus" / "test_bus.py"
    shipped.write_text('"""A test that must not be shipped."""\n', "utf-8")
    found = findings(check(project, tmp_path, "wheel"))
    assert any(rule == "wheel.test-file" and "test_bus.py" in path for rule, path, _ in found)
