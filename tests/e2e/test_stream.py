"""`arqonbus stream`: a channel out of one bus and into another, by the command itself."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path

from support.certificates import certificate
from support.peer import Peer, peer
from support.server import Server, environment, serving

COUNT = 1_200  # more than one page of history


async def run(*words: str) -> tuple[int, str, str]:
    """The command's exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "arqonbus",
        "stream",
        *words,
        env=environment({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def fill(p: Peer, channel: str, count: int) -> None:
    for n in range(count - 1):
        await p.send(type="message", room="r", channel=channel, qos=0, payload={"n": n})
    ack = await p.publish("r", channel, "last", id="mine", metadata={"k": 1})
    assert ack["seq"] == count


async def everything(p: Peer, channel: str) -> list[dict[str, object]]:
    page = await p.ok("history", room="r", channel=channel, after=0, limit=1000)
    more = await p.ok("history", room="r", channel=channel, after=1000, limit=1000)
    return [*page["messages"], *more["messages"]]


def kept(message: dict[str, object]) -> dict[str, object]:
    names = ("seq", "id", "timestamp", "payload", "metadata")
    return {name: message.get(name) for name in names}


async def exported(bus: Server, file: Path) -> str:
    code, out, err = await run("export", "r", "c", str(file), "--url", bus.url)
    assert (code, f"{COUNT} messages up to position {COUNT}" in out) == (0, True), err
    assert f"exported: {COUNT:,} of {COUNT:,} messages (100 %)" in err
    return out.rpartition(" ")[2].strip()


async def test_out_of_one_bus_and_into_another(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    async with serving(tmp_path / "one") as one, peer(one.url) as p:
        await fill(p, "c", COUNT)
        chain = await exported(one, file)
        before = [kept(message) for message in await everything(p, "c")]
        code, out, err = await run(
            "verify", str(file), "--chain", chain, "--live", "--url", one.url
        )
        assert code == 0, err
        assert f"live: {COUNT} of {COUNT} messages are the same" in out
        code, _, err = await run("export", "r", "c", str(file), "--url", one.url)
        assert (code, "--force" in err) == (2, True)
    async with serving(tmp_path / "two") as two, peer(two.url) as p:
        code, out, err = await run("import", str(file), "r", "copy", "--url", two.url)
        assert (code, f"{COUNT} messages published" in out) == (0, True), err
        assert [kept(message) for message in await everything(p, "copy")] == before
        code, out, _ = await run("import", str(file), "r", "copy", "--url", two.url)
        assert (code, out[:2]) == (0, "0 ")
        await p.publish("r", "copy", "somebody else's")
        code, _, err = await run("import", str(file), "r", "copy", "--url", two.url)
        assert (code, "holds another message" in err) == (1, True)
        code, _, err = await run("verify", str(file), "--live", "--url", two.url)
        assert (code, "NOT_FOUND" in err) == (69, True)


async def test_an_import_that_broke_off_is_continued(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    async with serving(tmp_path / "data") as bus, peer(bus.url) as p:
        await fill(p, "c", COUNT)
        await exported(bus, file)
        messages = [kept(message) for message in await everything(p, "c")]
        for message in messages[:700]:
            fields = {name: message[name] for name in ("id", "timestamp", "payload")}
            await p.send(type="message", room="r", channel="copy", qos=0, **fields)
        code, out, err = await run("import", str(file), "r", "copy", "--url", bus.url)
        assert (code, f"{COUNT - 700} messages published" in out) == (0, True), err
        assert [kept(message) for message in await everything(p, "copy")] == messages


async def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    async with serving(tmp_path / "data") as bus, peer(bus.url) as p:
        await fill(p, "c", COUNT)
        chain = await exported(bus, file)
        data = file.read_bytes()
        file.write_bytes(data.replace(b'{"n":41}', b'{"n":14}'))
        code, out, err = await run("verify", str(file))
        assert (code, out) == (1, "")
        assert "NOT INTACT: line 43: the hash chain breaks at position 42" in err
        code, _, err = await run("import", str(file), "r", "copy", "--url", bus.url)
        assert (code, "hash chain breaks" in err) == (1, True)
        assert (await p.call("channel_info", room="r", channel="copy"))["type"] == "error"
        file.write_bytes(data)
        code, _, err = await run("verify", str(file), "--chain", chain.replace(chain[0], "g"))
        assert (code, "NOT INTACT" in err) == (1, True)


async def test_a_bus_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = tmp_path / "talk.jsonl"
    async with serving(tmp_path / "data") as bus:
        url = bus.url
        code, _, err = await run("export", "r", "none", str(file), "--url", url)
        assert (code, "NOT_FOUND" in err) == (69, True)
    code, _, err = await run("export", "r", "c", str(file), "--url", url)
    assert (code, err.startswith("arqonbus: ")) == (69, True)
    assert not file.exists()
    assert not file.with_name("talk.jsonl.part").exists()


async def test_over_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    own = certificate(tmp_path, "bus")
    files = {"tls_cert_file": own.cert, "tls_key_file": own.key}
    async with serving(tmp_path / "data", **files) as bus:
        async with peer(bus.url, ssl=ssl.create_default_context(cafile=own.cert)) as one:
            await fill(one, "c", 3)
        words = ("export", "r", "c", str(tmp_path / "file"), "--url", bus.url)
        code, out, err = await run(*words, "--ca-file", str(own.cert))
        assert (code, out.startswith("3 messages")) == (0, True), err
        assert (await run(*words, "--force"))[0] == 69  # nobody vouches for this certificate
