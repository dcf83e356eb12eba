"""The audit log of whole buses: killed, degraded, exported, and out of every client's reach."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
from click.testing import CliRunner, Result
from prometheus_client import CollectorRegistry
from support import audited
from support.failing import FailingServer, FailingStorage
from support.server import environment, serving
from support.whole_bus import Client, living
from unit.arqonbus.audit.exports import exported

from arqonbus.audit.log import AuditLog
from arqonbus.audit.reading import Verification, verify
from arqonbus.bus.bus import Bus
from arqonbus.bus.clock import wall_clock
from arqonbus.bus.ticks import Tick
from arqonbus.cli.main import main
from arqonbus.config.limits import LimitSettings
from arqonbus.config.shield import AuditSettings
from arqonbus.model.durability import Durability
from arqonbus.routing.hub import Hub
from arqonbus.storage.fallback.store import FallbackStorage
from arqonbus.telemetry.metrics import Metrics
from arqonbus.telemetry.security import EventKind, SecurityEvent, SecurityEvents

SECRET = "q8Zt-4vX_mN2pLr7KcW9sYb3HdJf6GaE"
OWN = {"room": "_arqonbus", "channel": "audit"}
Records = list[dict[str, Any]]


async def everything(log: AuditLog) -> Records:
    records: Records = []
    after: int | None = 0
    while after is not None:
        got = await log.page(after=after, limit=1000)
        assert got is not None
        page, more = got
        records += more
        after = page.messages[-1].seq if page.more else None
    return records


def verified(records: Records) -> Verification:
    result = verify(io.BytesIO(exported(records)))
    assert result.broken is None
    return result


def event(target: str) -> SecurityEvent:
    return SecurityEvent(EventKind.ADMIN, "test", target=target)


def nested(settings: dict[str, str], data_dir: Path) -> dict[str, Any]:
    sections: dict[str, Any] = {"data_dir": str(data_dir)}
    for name, value in settings.items():
        section, _, key = name.partition("_")
        sections.setdefault(section, {})[key] = value
    return sections


@pytest.mark.parametrize("backend", ["sqlite", "redis"])
async def test_a_bus_killed_amid_refusals_lost_nothing_that_was_acknowledged(
    stored: dict[str, str], tmp_path: Path
) -> None:
    settings = nested(stored, tmp_path)
    acknowledged = 0
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            audited.__file__,
            json.dumps(settings),
            env=environment({}),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        seen = 0
        while seen < 60 and (line := await process.stdout.readline()):
            seen = int(line)
        process.kill()
        rest = (await process.communicate())[0].split()
        acknowledged += int(rest[-1]) if rest else seen
    async with living(settings) as app:
        records = await everything(app.services.audit)
    result = verified(records)
    assert result.checked.begins == []
    done = [one for one in records if one["what"] == "test"]
    assert len(done) >= acknowledged >= 180
    starts = [one["detail"]["before"] for one in records if one["what"] == "start"]
    assert starts == ["none", "killed", "killed", "killed"]


async def test_a_clean_stop_is_the_last_record_and_the_next_start_goes_on(
    stored: dict[str, str], backend: str, tmp_path: Path
) -> None:
    settings = nested(stored, tmp_path)
    async with living(settings) as app:
        app.shield.events.report(SecurityEvent(EventKind.REFUSAL, "FORBIDDEN", subject="ann"))
    async with living(settings) as app:
        records = await everything(app.services.audit)
    told = [one["what"] for one in records]
    first = [] if backend == "memory" else ["begin", "start", "FORBIDDEN", "stop", "start"]
    assert told == (first or ["begin", "start"])
    assert verified(records).checked.begins == []


class Degraded:
    """A bus on a store that comes and goes, in mode degraded."""

    def __init__(self, server: FailingServer) -> None:
        metrics, limits = Metrics(CollectorRegistry()), LimitSettings()
        self.server = server
        self.storage = FallbackStorage(
            FailingStorage(server), max_buffer_bytes=10**6, on_not_kept=metrics.not_kept
        )
        self.bus = Bus(
            Hub(Durability.DISK, max_channels=limits.max_channels, auto_create=True),
            self.storage,
            Tick(wall_clock),
            metrics,
            limits,
            demanded=Durability.DISK,
            max_pending_bytes=10**6,
            call_soon=asyncio.get_running_loop().call_soon,
            on_batch=lambda: None,
        )
        events = SecurityEvents(metrics)
        self.audit = AuditLog(
            self.bus, self.storage, metrics, AuditSettings(), events, "arqonbus/test"
        )

    async def start(self) -> Degraded:
        await self.bus.load(await self.storage.open())
        await self.audit.start()
        return self

    async def stop(self) -> None:
        await self.audit.stop()
        await self.storage.close()


async def test_the_chain_survives_a_store_that_goes_away_and_comes_back() -> None:
    life = await Degraded(FailingServer()).start()
    await life.audit.record_now(event("before"))
    life.server.down = True
    await life.bus.look_after()
    await life.audit.record_now(event("away"))
    assert life.bus.condition.degraded
    life.server.down = False
    await life.bus.look_after()
    await life.audit.record_now(event("back"))
    await life.stop()
    again = await Degraded(life.server).start()
    records = await everything(again.audit)
    await again.stop()
    assert [one["target"] for one in records if one["what"] == "test"] == ["before", "away", "back"]
    assert [one["what"] for one in records if one["kind"] == "mode"] == [
        "start",
        "degraded",
        "as demanded",
        "stop",
        "start",
    ]
    assert verified(records).checked.begins == []


async def test_a_start_without_the_store_begins_a_chain_that_stands_behind_the_old_one() -> None:
    server = FailingServer()
    life = await Degraded(server).start()
    await life.audit.record_now(event("old"))
    await life.stop()
    server.down = True
    life = await Degraded(server).start()
    await life.audit.record_now(event("away"))
    server.down = False
    await life.bus.look_after()
    await life.audit.record_now(event("back"))
    records = await everything(life.audit)
    await life.stop()
    assert [one["target"] for one in records if one["what"] == "test"] == ["old", "away", "back"]
    (begin,) = verified(records).checked.begins
    assert begin["why"] == "the store is away"


async def test_no_command_or_message_reaches_the_stream(tmp_path: Path) -> None:
    async with living({"data_dir": str(tmp_path)}) as app:
        client = Client(app)
        before = await everything(app.services.audit)
        others = {
            "seqs": [1], "epoch": app.bus.hub.own("audit").epoch, "group": "g", "min_idle": 0,
            "id": "m", "discard_history": True, "after": 0, "since": {"seq": 0, "epoch": None},
        }  # fmt: skip
        tried = 0
        for command in (await client.call("help"))["commands"]:
            arguments = set(command["arguments"])
            if not {"room", "channel"} <= arguments:
                continue
            for room in ("_arqonbus", "default/_arqonbus", "_Arqonbus ", "_arqonbus\0"):
                args = {k: v for k, v in others.items() if k in arguments} | OWN | {"room": room}
                answer = await client.ask(type="command", command=command["name"], args=args)
                listed = answer.get("payload") or {"groups": "unlisted"}
                nothing = not (listed.get("groups") or listed.get("messages"))
                assert answer["type"] == "error" or nothing, answer
                tried += 1
        assert tried > 40
        for extra in ({}, {"deliver_at": "2100-01-01T00:00:00Z"}, {"require": "memory"}):
            answer = await client.ask(type="message", payload="forged", **OWN, **extra)
            assert answer["type"] == "error"
        assert (await client.call("list_channels"))["channels"] == []
        assert (await client.call("list_channels", room="_arqonbus"))["channels"] == []
        refused = await client.ask(type="command", command="audit.read", args={})
        assert refused["error_code"] == "FORBIDDEN"
        assert await everything(app.services.audit) == before


def ran(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


async def cli(*arguments: str | Path) -> Result:
    return await asyncio.to_thread(ran, *arguments)


def administered(tmp_path: Path) -> dict[str, object]:
    """Settings under which whoever is root administers."""
    policy = tmp_path / "access.toml"
    rule = 'id = "root"\neffect = "allow"\nsubjects = ["root"]\nactions = ["*"]'
    policy.write_text(f"schema = 1\n[[rule]]\n{rule}\n")
    return {"auth_secret": SECRET, "access_policy_file": policy}


def token(tmp_path: Path, tenant: str) -> Path:
    file = tmp_path / f"{tenant}.jwt"
    claims = {"sub": "root", "tenant": tenant, "exp": 4_000_000_000}
    file.write_text(jwt.encode(claims, SECRET, "HS256"))
    return file


async def test_an_export_of_a_running_bus_is_verified_and_compared_with_its_head(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data", **administered(tmp_path)) as bus:
        file = tmp_path / "audit.jsonl"
        online = ("--url", bus.url, "--token-file", token(tmp_path, "operators"))
        told = await cli("audit", "export", file, *online, "--json")
        assert told.exit_code == 0, told.output
        written = json.loads(told.stdout)
        assert written["first"] == 1
        again = await cli("audit", "export", file, *online)
        assert again.exit_code == 2
        assert "--force" in again.output
        later = await cli("audit", "export", file, *online, "--force", "--after", "0")
        assert later.exit_code == 0
        assert await bus.stop() == 0
    good = await cli("audit", "verify", file, "--head", written["head"])
    assert good.exit_code == 0, good.output
    assert f"head {written['head']}" in good.output
    assert json.loads((await cli("audit", "verify", file, "--json")).stdout)["intact"] is True
    file.write_bytes(file.read_bytes().replace(b'"begin"', b'"bogus"'))
    bad = await cli("audit", "verify", file)
    assert bad.exit_code == 1
    assert "line 2 changed" in bad.output
    document = json.loads((await cli("audit", "verify", file, "--json")).stdout)
    assert document["broken"]["how"] == "changed"
    assert not file.with_name("audit.jsonl.part").exists()


async def test_an_administrator_of_a_tenant_gets_its_records_and_is_told_what_they_are_not(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "data", **administered(tmp_path)) as bus:
        file = tmp_path / "audit.jsonl"
        online = ("--url", bus.url, "--token-file", token(tmp_path, "acme"))
        told = await cli("audit", "export", file, *online)
        assert told.exit_code == 0, told.output
        assert "can't be proven" in told.output
    good = await cli("audit", "verify", file)
    assert good.exit_code == 0, good.output
    assert "no chain" in good.output


async def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", **administered(tmp_path)) as bus:
        file = tmp_path / "audit.jsonl"
        online = ("--url", bus.url, "--token-file", token(tmp_path, "operators"))
        late = await cli("audit", "export", file, *online, "--after", "999999")
        assert late.exit_code == 1
        assert "no records in this range" in late.output
    assert list(await asyncio.to_thread(tmp_path.glob, "*.jsonl*")) == []
