"""Which settings are worth which level."""

from __future__ import annotations

import pytest

from arqonbus.errors import StorageError
from arqonbus.model.durability import Durability
from arqonbus.storage.redis.attest import judge, parse_config, parse_info
from arqonbus.storage.redis.level import Level

SOUND = {
    "maxmemory": "0",
    "maxmemory_policy": "noeviction",
    "aof_enabled": "1",
    "aof_last_write_status": "ok",
    "aof_rewrite_in_progress": "0",
    "aof_rewrite_scheduled": "0",
    "aof_base_size": "89",
    "slave0": "ip=127.0.0.1,port=1,state=online,offset=1,lag=0,type=replica",
}
ALWAYS = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
MAKING = {"aof_rewrite_in_progress": "1", "aof_base_size": "0"}


@pytest.mark.parametrize(
    ("info", "config", "replicas", "level", "reason"),
    [
        ({}, {}, 1, Durability.REPLICATED, ""),
        ({}, {}, 0, Durability.DISK, "no replicas are asked"),
        ({}, {}, 2, Durability.DISK, "1 replicas are connected"),
        ({"slave0": "state=online,lag=5"}, {}, 1, Durability.DISK, "0 replicas"),
        ({"slave0": "state=wait_bgsave,lag=0"}, {}, 1, Durability.DISK, "0 replicas"),
        ({"slave0": "state=online"}, {}, 1, Durability.DISK, "0 replicas"),
        ({}, {"appendonly": "no"}, 1, Durability.REMOTE, "appendonly is no: set it to yes"),
        ({}, {"appendfsync": "everysec"}, 1, Durability.REMOTE, "appendfsync is everysec"),
        ({}, {"no-appendfsync-on-rewrite": "yes"}, 1, Durability.REMOTE, "on-rewrite is yes"),
        ({"aof_enabled": "0"}, {}, 1, Durability.REMOTE, "off although"),
        ({"aof_last_write_status": "err"}, {}, 1, Durability.REMOTE, "last write"),
        (MAKING, {}, 1, Durability.REMOTE, "only being made"),
        ({"maxmemory_policy": "allkeys-lru"}, {}, 1, Durability.REPLICATED, ""),
        (
            {"maxmemory_policy": "allkeys-lru", "maxmemory": "1"},
            {},
            1,
            Durability.MEMORY,
            "set it to noeviction",
        ),
        ({"maxmemory_policy": "volatile-lru", "maxmemory": "1"}, {}, 1, Durability.REPLICATED, ""),
    ],
)
def test_a_table_of_settings(
    info: dict[str, str],
    config: dict[str, str],
    replicas: int,
    level: Durability,
    reason: str,
) -> None:
    found = judge(SOUND | info, ALWAYS | config, replicas, proven=False)
    assert found.level == level
    assert reason in found.reason
    assert bool(found.reason) == (level < Durability.REPLICATED)


def test_an_append_only_file_that_was_relied_upon_may_be_rewritten() -> None:
    assert judge(SOUND | MAKING, ALWAYS, 0, proven=True).level == Durability.DISK


def test_what_cannot_be_read_is_not_assumed() -> None:
    forbidden = StorageError("the Redis user may not do what the store needs")
    found = judge(SOUND, forbidden, 1, proven=True)
    assert found.level == Durability.REMOTE
    assert "disk can't be attested" in found.reason
    assert judge(forbidden, ALWAYS, 1, proven=True).level == Durability.MEMORY
    assert judge({}, ALWAYS, 0, proven=True).level == Durability.MEMORY


def test_replies_are_taken_apart() -> None:
    assert parse_info(b"# Server\r\nrun_id:a:b\r\n\r\nrole:master\r\n") == {
        "run_id": "a:b",
        "role": "master",
    }
    assert parse_config([b"appendonly", b"yes"]) == {"appendonly": "yes"}


def test_strict_refuses_what_degraded_lowers() -> None:
    loose = judge(SOUND, ALWAYS | {"appendfsync": "no"}, 0, proven=True)
    sound = judge(SOUND, ALWAYS, 0, proven=True)
    strict, degraded = Level(Durability.DISK, strict=True), Level(Durability.DISK, strict=False)
    for level in (strict, degraded):
        level.take(sound)
        assert (level.reached, level.refusal(), level.shortfall()) == (Durability.DISK, None, None)
        level.take(loose)
        assert level.falls == 1
    assert strict.reached == Durability.DISK
    assert "appendfsync is no" in (strict.refusal() or "")
    assert strict.shortfall() is None
    assert degraded.reached == Durability.REMOTE
    assert degraded.refusal() is None
    assert "disk is demanded" in (degraded.shortfall() or "")
    degraded.take(sound)
    assert (degraded.reached, degraded.shortfall()) == (Durability.DISK, None)
