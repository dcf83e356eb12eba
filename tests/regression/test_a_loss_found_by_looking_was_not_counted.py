"""A stream that vanished from the store of an idle bus was announced, but missing in the metric."""

from __future__ import annotations

from pathlib import Path

from support.pages import metric
from support.peer import peer
from support.server import serving
from support.valkey import valkey as running


async def test_a_flushed_store_is_counted_before_anybody_publishes(tmp_path: Path) -> None:
    config = {"appendonly": "yes", "appendfsync": "always"}
    with running(tmp_path / "v", **config) as server:
        redis = {"storage_backend": "redis", "redis_url": server.url, "redis_attest_interval": 1}
        async with serving(tmp_path / "d", **redis) as bus, peer(bus.url) as p:
            await p.ok("join_channel", room="r", channel="c")
            await p.publish("r", "c", 1)
            server.do("FLUSHALL")
            notice = await p.until("notice")
            assert (notice["payload"]["event"], notice["payload"]["channel"]) == ("stream", "c")
            assert await metric(bus.http, "arqonbus_streams_lost_total") >= 1


async def test_a_stream_that_comes_into_sight_again_is_no_loss(tmp_path: Path) -> None:
    config = {"appendonly": "yes", "appendfsync": "always"}
    redis = {"storage_backend": "redis", "storage_mode": "degraded", "redis_timeout": 1}
    with running(tmp_path / "v", **config) as server:
        redis["redis_url"] = server.url
        async with serving(tmp_path / "d", **redis) as bus, peer(bus.url) as p:
            await p.publish("r", "c", 1)
            assert await bus.stop() == 0
        server.kill()
        async with serving(tmp_path / "d", **redis) as bus, peer(bus.url) as p:
            await p.ok("join_channel", room="r", channel="c")
            await p.publish("r", "c", 2)
            server.start()
            while (notice := await p.until("notice"))["payload"]["event"] != "stream":
                pass
            assert notice["payload"]["now"]["seq"] == 2
            assert await metric(bus.http, "arqonbus_streams_lost_total") == 0
