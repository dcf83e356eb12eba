"""Consumer groups over real sockets, on every backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from support.peer import Frame, Peer, peer
from support.server import Server, serving

GROUP = {"room": "r", "channel": "c", "group": "g"}
KEPT = ("seq", "payload", "attempt", "group")


@pytest.fixture
async def bus(tmp_path: Path, stored: dict[str, str]) -> AsyncIterator[Server]:
    async with serving(tmp_path / "data", **stored) as server:
        yield server


async def publish(p: Peer, *payloads: object) -> list[Frame]:
    acks = [await p.publish("r", "c", payload, id=token_hex()) for payload in payloads]
    assert {ack["type"] for ack in acks} <= {"ack"}
    return acks


async def tasks(p: Peer, count: int) -> list[tuple[Any, ...]]:
    """The next tasks: position, payload, attempt, group."""
    frames = [await p.until("task") for _ in range(count)]
    return [tuple(frame[name] for name in KEPT) for frame in frames]


async def balanced(p: Peer) -> Frame:
    """The group's figures; its books balance."""
    found = await p.ok("group.pending", **GROUP)
    open_tasks = found["in_flight"] + found["waiting"]
    assert found["offered"] == found["acked"] + found["dead"] + found["lost"] + open_tasks
    assert found["balanced"] is True
    return found


async def test_a_task_is_one_message_with_its_own_fields(bus: Server, codec: str) -> None:
    async with peer(bus.url, codec) as worker, peer(bus.url) as source:
        joined = await worker.ok("group.join", **GROUP, credits=2)
        ack = await source.publish("r", "c", {"n": [1]}, id="m1", metadata={"k": "v"})
        task = await worker.until("task")
        answer = await worker.ok("group.ack", **GROUP, seqs=[1], epoch=task["epoch"])
    assert (joined["created"], joined["credits"], joined["floor"]) == (True, 2, 0)
    assert task["deadline"] > task["timestamp"]
    for field in ("version", "timestamp", "deadline"):
        del task[field]
    assert task == {
        "type": "task",
        "id": "m1",
        "group": "g",
        "room": "r",
        "channel": "c",
        "seq": 1,
        "epoch": ack["epoch"],
        "durability": ack["durability"],
        "sender": source.welcome["payload"]["client_id"],
        "attempt": 1,
        "payload": {"n": [1]},
        "metadata": {"k": "v"},
    }
    assert (answer["acked"], answer["refused"], answer["durability"]) == (
        [1],
        [],
        ack["durability"],
    )


async def test_two_workers_share_and_none_gets_more_than_it_asked_for(bus: Server) -> None:
    async with peer(bus.url) as a, peer(bus.url) as b, peer(bus.url) as source:
        await a.ok("group.join", **GROUP, credits=2)
        await b.ok("group.join", **GROUP, credits=2)
        await publish(source, *range(6))
        first = [*(await tasks(a, 2)), *(await tasks(b, 2))]
        found = await balanced(source)
        epoch = found["epoch"]
        assert (await a.ok("group.ack", **GROUP, seqs=[first[0][0]], epoch=epoch))["acked"]
        fifth = await tasks(a, 1)
        assert (await b.ok("group.ack", **GROUP, seqs=[first[2][0]], epoch=epoch))["acked"]
        sixth = await tasks(b, 1)
    assert sorted(task[0] for task in first) == [1, 2, 3, 4]
    assert [found["in_flight"], found["waiting"], found["newest"]] == [4, 0, 6]
    assert [fifth[0][0], sixth[0][0]] == [5, 6]


async def test_where_a_new_group_begins(bus: Server) -> None:
    async with peer(bus.url) as p:
        acks = await publish(p, 1, 2, 3)
        at = {"seq": 2, "epoch": acks[0]["epoch"]}
        floors = []
        for name, start in (("x", "new"), ("y", "beginning"), ("z", at)):
            joined = await p.ok("group.join", **GROUP | {"group": name}, start=start)
            floors.append(joined["floor"])
        wrong = await p.call(
            "group.join", **GROUP | {"group": "w"}, start={"seq": 2, "epoch": "other"}
        )
        listed = await p.ok("group.list", room="r", channel="c")
    assert floors == [3, 0, 2]
    assert wrong["error_code"] == "CONFLICT"
    assert [group["group"] for group in listed["groups"]] == ["x", "y", "z"]


async def test_a_worker_whose_connection_breaks_leaves_its_tasks_to_the_others(
    bus: Server,
) -> None:
    async with peer(bus.url) as a, peer(bus.url) as b:
        await a.ok("group.join", **GROUP, credits=5)
        await publish(b, "x", "y")
        assert len(await tasks(a, 2)) == 2
        await b.ok("group.join", **GROUP, credits=5)
        a.socket.transport.abort()
        again = await tasks(b, 2)
        await balanced(b)
    assert again == [(1, "x", 2, "g"), (2, "y", 2, "g")]


async def test_a_task_not_settled_in_time_goes_to_another_and_the_late_ack_is_refused(
    bus: Server,
) -> None:
    async with peer(bus.url) as slow, peer(bus.url) as quick:
        await slow.ok("group.join", **GROUP, credits=1, visibility_timeout=0.05)
        await publish(quick, "x")
        (first,) = await tasks(slow, 1)
        await slow.ok("group.leave", **GROUP)
        await quick.ok("group.join", **GROUP, credits=1)
        second = await quick.until("task")
        late = await slow.call("group.ack", **GROUP, seqs=[1], epoch=second["epoch"])
    assert (first[2], second["attempt"]) == (1, 2)
    assert (late["error_code"], "hold 1" in late["error"]) == ("CONFLICT", True)


async def test_each_position_of_an_ack_has_its_own_outcome(bus: Server) -> None:
    async with peer(bus.url) as a, peer(bus.url) as b:
        await a.ok("group.join", **GROUP, credits=2)
        await publish(b, 1, 2, 3)
        await tasks(a, 2)
        await b.ok("group.join", **GROUP, credits=2)
        await tasks(b, 1)
        epoch = (await balanced(a))["epoch"]
        one = await a.ok("group.ack", **GROUP, seqs=[1, 3, 1], epoch=epoch)
        two = await a.ok("group.ack", **GROUP, seqs=[1, 2], epoch=epoch)
        other = await a.call("group.ack", **GROUP, seqs=[3], epoch="0123456789")
    assert [one["acked"], one["settled"], one["refused"]] == [[1], [], [3]]
    assert [two["acked"], two["settled"], two["refused"]] == [[2], [1], []]
    assert other["error_code"] == "CONFLICT"


async def test_after_too_many_attempts_a_message_becomes_a_dead_letter(bus: Server) -> None:
    async with peer(bus.url) as worker, peer(bus.url) as reader:
        await reader.ok("join_channel", room="r", channel="c.dead")
        await worker.ok("group.join", **GROUP, credits=1, max_attempts=2)
        ack = await worker.publish("r", "c", "poison", metadata={"k": 1})
        for attempt in (1, 2):
            task = await worker.until("task")
            assert task["attempt"] == attempt
            await worker.ok("group.nack", **GROUP, seqs=[1], epoch=task["epoch"])
        letter = await reader.until("message")
        await publish(reader, "fine")
        assert (await tasks(worker, 1))[0][:2] == (2, "fine")
        while (found := await balanced(worker))["dead"] == 0:
            pass
    assert (letter["payload"], letter["sender"]) == (
        "poison",
        worker.welcome["payload"]["client_id"],
    )
    assert letter["metadata"] == {
        "k": 1,
        "dead_letter": {
            "room": "r",
            "channel": "c",
            "seq": 1,
            "epoch": ack["epoch"],
            "group": "g",
            "attempts": 2,
            "reason": "max_attempts",
        },
    }
    assert (found["floor"], found["in_flight"]) == (1, 1)


async def test_a_task_given_back_with_a_delay_waits_while_others_go_on(bus: Server) -> None:
    async with peer(bus.url) as p, peer(bus.url) as source:
        joined = await p.ok("group.join", **GROUP, credits=1)
        await publish(source, "x", "y")
        await tasks(p, 1)
        await p.ok("group.nack", **GROUP, seqs=[1], epoch=joined["epoch"], delay=0.1)
        order = await tasks(p, 1)
        await p.ok("group.ack", **GROUP, seqs=[2], epoch=joined["epoch"])
        order += await tasks(p, 1)
    assert order == [(2, "y", 1, "g"), (1, "x", 2, "g")]


async def test_claiming_what_a_stuck_worker_holds(bus: Server) -> None:
    async with peer(bus.url) as stuck, peer(bus.url) as p:
        await stuck.ok("group.join", **GROUP, credits=3)
        acks = await publish(p, 1, 2, 3)
        await tasks(stuck, 3)
        await p.ok("group.join", **GROUP, credits=2)
        none = await p.ok("group.claim", **GROUP, min_idle=3600)
        some = await p.ok("group.claim", **GROUP, min_idle=0)
        got = await tasks(p, 2)
        found = await balanced(p)
        late = await stuck.ok("group.ack", **GROUP, seqs=[1, 2, 3], epoch=acks[0]["epoch"])
    assert (none["claimed"], some["claimed"]) == ([], [1, 2])
    assert got == [(1, 1, 2, "g"), (2, 2, 2, "g")]
    holders = {task["seq"]: task["worker"] for task in found["tasks"]}
    mine, theirs = (q.welcome["payload"]["client_id"] for q in (p, stuck))
    assert holders == {1: mine, 2: mine, 3: theirs}
    assert [late["acked"], late["refused"]] == [[3], [1, 2]]


async def test_what_retention_took_is_told_and_counted(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    settings = {**stored, "retention_max_messages": 10}
    async with (
        serving(tmp_path / "data", **settings) as server,
        peer(server.url) as worker,
        peer(server.url) as source,
    ):
        await worker.ok("group.join", **GROUP, credits=1)
        await publish(source, *range(40))
        await tasks(worker, 1)
        epoch = (await balanced(worker))["epoch"]
        await worker.ok("group.leave", **GROUP)
        await source.ok("group.join", **GROUP, credits=100)
        gap = await source.until("gap")
        found = await balanced(source)
    assert gap["payload"]["reason"] == "retention"
    assert gap["payload"]["group"] == "g"
    assert (gap["room"], gap["channel"], gap["epoch"]) == ("r", "c", epoch)
    assert found["lost"] >= 1


async def test_what_groups_refuse(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.ok("group.join", **GROUP, max_attempts=3)
        codes = [
            (await p.call(name, **args))["error_code"]
            for name, args in (
                ("group.join", GROUP),
                ("group.join", GROUP | {"group": "."}),
                ("group.join", GROUP | {"group": "h", "credits": 100_000}),
                ("group.join", GROUP | {"group": "h", "dead_letter": "c"}),
                ("group.ack", GROUP | {"seqs": [], "epoch": "e"}),
                ("group.ack", GROUP | {"group": "h", "seqs": [1], "epoch": "e"}),
                ("group.delete", GROUP),
                ("delete_channel", {"room": "r", "channel": "c"}),
            )
        ]
        await p.ok("group.leave", **GROUP)
        other = await p.call("group.join", **GROUP, max_attempts=4)
        again = await p.call("group.leave", **GROUP)
        deleted = await p.ok("group.delete", **GROUP)
        await p.ok("delete_channel", room="r", channel="c")
    assert codes == [
        "CONFLICT",
        *["VALIDATION_ERROR"] * 4,
        "NOT_FOUND",
        "CONFLICT",
        "CONFLICT",
    ]
    assert (other["error_code"], again["error_code"]) == ("CONFLICT", "CONFLICT")
    assert deleted["deleted"] is True
