"""What pip, twine and check-wheel-contents are content with, and that the gates are not.

Each case provokes the silence in the real tool and holds the same against the gate's own judgment.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from checks.gates import wheel
from checks.installed import INSTALL, OVERWRITE, judge_site, read_site
from checks.process import clean_environment, tool_path
from checks.wheels import contents
from checks.wheels.archive import read_wheel
from checks.wheels.packing import Description, base_members, pack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VICTIM = Description("victim", members={"victim/guard.py": "def check(token):\n    return False\n"})
STUB = Description("example", members={"victim/guard.py": "def check(token):\n    return True\n"})


def run(*argv: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(argv), cwd=at, env=clean_environment(), capture_output=True, text=True, check=False
    )


def install(folder: Path, *wheels: Description) -> Path:
    """Install wheels with the real pip into a new environment; its Python."""
    python = folder / "environment" / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", "environment", at=folder)
    packed = [str(pack(one, folder / "wheels")) for one in wheels]
    done = pip(python, "install", "--no-index", "--no-deps", *packed)
    assert done.returncode == 0, done.stderr
    return python


def pip(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    return run(*command, *arguments, at=python.parent)


def found(python: Path, locked: dict[str, str]) -> set[tuple[str, str]]:
    """What the clean room says of the environment: rule and what it is about."""
    (site,) = (python.parent.parent / "lib").glob("python*/site-packages")
    findings = judge_site(read_site(site), "example", ("example",), locked)
    return {(one.rule, one.context) for one in findings}


def test_a_wheel_that_overwrites_anothers_files(tmp_path: Path) -> None:
    python = install(tmp_path, VICTIM, STUB)
    checked = pip(python, "check")
    assert (checked.returncode, "No broken requirements" in checked.stdout) == (0, True)
    imported = run(
        str(python), "-I", "-c", "from victim.guard import check; print(check(0))", at=tmp_path
    )
    assert (imported.returncode, imported.stdout) == (0, "True\n")  # the stub's answer
    assert (OVERWRITE, "victim/guard.py") in found(python, {"victim": "1.0"})


def test_what_is_not_locked_and_what_was_changed_afterwards(tmp_path: Path) -> None:
    python = install(tmp_path, VICTIM, Description("example"), Description("stranger"))
    (part,) = (python.parent.parent / "lib").glob("python*/site-packages/victim/part.py")
    part.write_text("VALUE = 2\n")
    assert pip(python, "check").returncode == 0
    assert found(python, {"victim": "1.0", "absent": "1.0"}) == {
        (INSTALL, "absent"),
        (INSTALL, "stranger"),
        (OVERWRITE, "victim/part.py"),
    }


def packed(folder: Path, one: Description) -> Path:
    return pack(one, folder / "wheels")


def rules(path: Path) -> set[str]:
    """What the gate's own inspections say of a wheel of the package `parcel`."""
    shipped = {member: f"src/{member}" for member in base_members("parcel")}
    expected = contents.Expected("parcel", "1.0", ("parcel",), shipped)
    return {one.rule for one in wheel._inspected(read_wheel(path), expected)}


def judged(path: Path, tool: str) -> Sequence[str]:
    """What the gate makes of one tool's verdict."""
    expected = contents.Expected("parcel", "1.0", ("parcel",), {})
    work = path.parent / "work"
    verdict = (
        wheel._twine(path, work) if tool == "twine" else wheel._check_contents(path, expected, work)
    )
    return [one.message for one in verdict.findings]


def test_twine_warns_and_passes(tmp_path: Path) -> None:
    path = packed(
        tmp_path, Description("parcel", body="", metadata={"Description-Content-Type": ""})
    )
    done = run(tool_path("twine"), "check", str(path), at=tmp_path)
    assert (done.returncode, "PASSED with warnings" in done.stdout) == (0, True)
    (message,) = judged(path, "twine")
    assert "FAILED due to warnings" in message


def test_twine_never_looks_at_what_is_inside(tmp_path: Path) -> None:
    record = {"parcel/part.py": "sha256=" + "A" * 43 + ",10"}
    members = {"yaml/__init__.py": "", "parcel/tests/test_it.py": ""}
    path = packed(tmp_path, Description("parcel", members=members, record=record))
    done = run(tool_path("twine"), "check", "--strict", str(path), at=tmp_path)
    assert (done.returncode, "PASSED" in done.stdout) == (0, True)
    assert rules(path) >= {"wheel.foreign-member", "wheel.test-file", "wheel.record"}


def test_check_wheel_contents_of_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    assert run(tool_path("check-wheel-contents"), "dist", at=tmp_path).returncode == 0
    (message,) = judged(tmp_path / "dist" / "parcel-1.0-py3-none-any.whl", "check-wheel-contents")
    assert "does not exist" in message


def test_check_wheel_contents_blesses_a_stub_of_the_sources(tmp_path: Path) -> None:
    one = Description("parcel", members={"yaml/__init__.py": ""})
    path = packed(tmp_path, one)
    for member in (*base_members("parcel"), "yaml/__init__.py"):
        (tmp_path / "src" / member).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / member).touch()
    softened = ["--no-config", "--src-dir", "src", "--ignore", "W009"]
    done = run(tool_path("check-wheel-contents"), *softened, str(path), at=tmp_path)
    assert (done.returncode, "OK" in done.stdout) == (0, True)
    (message,) = judged(path, "check-wheel-contents")
    assert "yaml" in message
    assert "wheel.foreign-member" in rules(path)


def test_settings_that_soften_check_wheel_contents(tmp_path: Path) -> None:
    path = packed(tmp_path, Description("parcel", members={"yaml/__init__.py": ""}))
    settings = '[tool.check-wheel-contents]\nignore = ["W009"]\n'
    (path.parent / "pyproject.toml").write_text(settings)
    done = run(tool_path("check-wheel-contents"), path.name, at=path.parent)
    assert (done.returncode, "OK" in done.stdout) == (0, True)
    (message,) = judged(path, "check-wheel-contents")
    assert "yaml" in message
