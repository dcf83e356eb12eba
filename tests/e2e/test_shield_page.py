"""docs/shield.md, pasted into a shell from its first block to its last."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 120  # only a hang gets there


def free_ports() -> tuple[int, int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(2)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        first, second = (int(one.getsockname()[1]) for one in sockets)
        return first, second


def script(page: str) -> str:
    """What a reader pastes: the shell's blocks, and the client as a file."""
    websocket, http = free_ports()
    parts = ["set -e", "trap 'kill $(jobs -p)' EXIT"]
    for language, body in re.findall(
        r"^```(sh|python)\n(.*?)^```$", page, re.DOTALL | re.MULTILINE
    ):
        if language == "python":
            body = f"cat > client.py <<'END'\n{body}END\n{sys.executable} client.py\n"  # noqa: PLW2901 - as a file
        parts.append(body)
    # The bus is known to be stopped once, in the middle.
    text = "\n".join(parts).replace("wait %1;", "wait %1 || true;")
    return text.replace("9100", str(websocket)).replace("8080", str(http))


@pytest.mark.skipif(sys.platform == "win32", reason="the page is for a POSIX shell")
async def test_every_command_of_the_page_works_as_it_is_written(tmp_path: Path) -> None:
    program = tmp_path / "arqonbus"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m arqonbus "$@"\n', "utf-8")
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ARQONBUS_")}
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script((ROOT / "docs/shield.md").read_text("utf-8")),
        cwd=tmp_path,
        env=kept | {"PATH": f"{tmp_path}:{kept['PATH']}", "PYTHONPATH": str(ROOT / "src")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(LIMIT):
            said = (await shell.communicate())[0].decode()
    finally:
        if shell.returncode is None:
            os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, said
    for words in (
        "allowed: publish lobby:talk by ada of tenant acme",
        "No problem found",
        "durability='disk'",
        "POLICY_BLOCKED: no-secrets",
        "FORBIDDEN: not allowed: delete lobby:talk",
        "nothing more is allowed than before",
        '"revoked": "ada"',
        "intact: ",
        '"kind":"revocation"',
    ):
        assert words in said
