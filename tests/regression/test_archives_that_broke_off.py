"""Commands on archives that ended in a traceback, or half done."""

from __future__ import annotations

import asyncio
import sys
from io import BytesIO
from pathlib import Path

import pytest
from support.server import environment, serving

from arqonbus.client import Client, RefusedError
from arqonbus.client.archive import ArchiveWriter, Header, Record
from arqonbus.client.transfer import RepeatedIdError, import_channel


async def run(*words: str) -> tuple[int | None, str]:
    """The command's exit code and standard error."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "arqonbus", "stream", *words),
        env=environment({}),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    return process.returncode, err.decode()


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path / "d") as bus:
        async with Client(bus.url) as client:
            await client.publish("r", "c", 1)
        missing = str(tmp_path / "no" / "such" / "file")
        code, err = await run("export", "r", "c", missing, "--url", bus.url)
    assert (code, "Traceback" in err, "No such file" in err) == (74, False, True)


async def test_a_token_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_bytes(b"\xff\xfe")
    code, err = await run("export", "r", "c", str(tmp_path / "f"), "--token-file", str(token))
    assert (code, "Traceback" in err, "holds no token" in err) == (2, False, True)


async def test_an_id_of_two_publishers_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    file = BytesIO()
    writer = ArchiveWriter(
        file, Header(room="r", channel="c", epoch="e", first_seq=1, complete="complete")
    )
    for seq, message_id in enumerate(("a", "b", "a"), 1):
        time = "2026-11-24T02:26:39.780056Z"
        writer.write(Record(seq=seq, id=message_id, timestamp=time, sender="c_1", payload=seq))
    writer.finish()
    file.seek(0)
    async with serving(tmp_path / "d") as bus, Client(bus.url) as client:
        with pytest.raises(RepeatedIdError, match="positions 1 and 3 both have the id 'a'"):
            await import_channel(client, "r", "c", file, lambda _done, _total: None)
        with pytest.raises(RefusedError, match="does not exist"):
            await client.history("r", "c")
