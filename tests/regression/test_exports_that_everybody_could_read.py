"""What somebody was let read by the bus lay open to every user of the machine."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.server import serving
from support.tokens import SECRET, signed

from arqonbus.cli.main import main
from arqonbus.client import Client

POLICY = 'schema = 1\n[[rule]]\nid = "all"\neffect = "allow"\nsubjects = ["*"]\nactions = ["*"]\n'


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
async def test_exports_are_for_their_owner_only(tmp_path: Path) -> None:
    policy, key = tmp_path / "access.toml", tmp_path / "token"
    policy.write_text(POLICY, "utf-8")
    key.write_text(signed(), "utf-8")
    files = [tmp_path / "audit.jsonl", tmp_path / "talk.jsonl"]
    async with serving(tmp_path / "data", auth_secret=SECRET, access_policy_file=policy) as bus:
        async with Client(bus.url, token=signed()) as client:
            await client.publish("lobby", "talk", "hello")
        for command in (
            ["audit", "export", str(files[0])],
            ["stream", "export", "lobby", "talk", str(files[1])],
        ):
            online = ["--url", bus.url, "--token-file", str(key)]
            done = await asyncio.to_thread(CliRunner().invoke, main, [*command, *online])
            assert done.exit_code == 0, done.output
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
