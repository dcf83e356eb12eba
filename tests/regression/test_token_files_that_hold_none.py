"""A file that holds no token was told as a fault of the bus, or with a part of what it holds."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from arqonbus.cli.main import main


@pytest.mark.parametrize("content", [b"", b" \n", b"one two", b"one\ntwo\n", b"to\xe5ken"])
def test_the_command_line_is_wrong_and_says_which_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "admin.jwt"
    file.write_bytes(content)
    ask = ["audit", "export", str(tmp_path / "out"), "--token-file", str(file)]
    # Nobody listens there, and nobody is asked.
    result = CliRunner().invoke(main, [*ask, "--url", "ws://127.0.0.1:1"])
    assert result.exit_code == 2
    assert f"{file} holds no token" in result.stderr
    assert "e5" not in result.stderr.replace(str(file), "")
