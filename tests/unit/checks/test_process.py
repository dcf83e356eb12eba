from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from checks.model import CouldNotRun
from checks.process import clean_environment, run_tool, tool_path, tool_version

if TYPE_CHECKING:
    from pathlib import Path


def test_an_exit_code_is_data_and_the_record_is_portable(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    argv = [sys.executable, "-c", code, str(tmp_path / "x")]
    done = run_tool("demo", argv, cwd=tmp_path, version="1")
    assert (done.exit_code, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert done.run.argv[-1] == "./x"
    assert str(tmp_path) not in " ".join(done.run.argv)


def test_a_tool_that_hangs_or_is_not_there_could_not_run(tmp_path: Path) -> None:
    with pytest.raises(CouldNotRun, match=r"within 0\.2 s"):
        run_tool(
            "demo",
            [sys.executable, "-c", "import signal; signal.pause()"],
            cwd=tmp_path,
            version="1",
            timeout=0.2,
        )
    with pytest.raises(CouldNotRun, match="could not be started"):
        run_tool("demo", [str(tmp_path / "absent")], cwd=tmp_path, version="1")
    with pytest.raises(CouldNotRun, match="not installed"):
        tool_version("no-such-distribution-here")
    with pytest.raises(CouldNotRun, match="not installed"):
        tool_path("no-such-command-here")


def test_what_steers_tools_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("UNRELATED", "kept")
    env = clean_environment({"EXTRA": "1"})
    assert "PYTEST_ADDOPTS" not in env
    assert "PYTHONPATH" not in env
    assert (env["UNRELATED"], env["EXTRA"]) == ("kept", "1")
