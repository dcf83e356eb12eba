"""Protocol 1.0 over a real socket, in both codecs, with a client of another family."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.peer import peer
from support.server import Server, serving


async def test_a_publish_is_delivered_and_receipted(bus: Server, codec: str) -> None:
    async with peer(bus.url, codec) as alice, peer(bus.url, "json") as bob:
        joined = await bob.ok("join_channel", room="r", channel="c")
        ack = await alice.publish("r", "c", {"n": [1, 2.5, None, "é"]}, id="m-1")
        message = await bob.receive()
    assert ack["type"] == "ack"
    assert (ack["seq"], ack["durability"], ack["epoch"]) == (1, "disk", joined["epoch"])
    assert message["type"] == "message"
    assert (message["id"], message["seq"], message["durability"]) == ("m-1", 1, "disk")
    assert message["payload"] == {"n": [1, 2.5, None, "é"]}
    assert message["sender"] == alice.welcome["payload"]["client_id"]


async def test_positions_have_no_holes_across_publishers(
    tmp_path: Path, stored: dict[str, str]
) -> None:
    async with (
        serving(tmp_path, **stored) as bus,
        peer(bus.url) as a,
        peer(bus.url, "msgpack") as b,
        peer(bus.url) as reader,
    ):
        await reader.ok("join_channel", room="r", channel="c")
        for n in range(50):
            await a.send(type="message", room="r", channel="c", qos=0, payload=n)
            await b.send(type="message", room="r", channel="c", qos=0, payload=n)
        seen = [(await reader.receive())["seq"] for _ in range(100)]
    assert seen == list(range(1, 101))


async def test_qos_0_gets_no_receipt(bus: Server, codec: str) -> None:
    async with peer(bus.url, codec) as p:
        await p.send(type="message", room="r", channel="c", id="quiet", qos=0, payload=1)
        pong = await p.call("ping")
    assert (pong["type"], pong["status"]) == ("response", "success")


async def test_a_repeated_id_gets_the_first_receipt_and_is_delivered_once(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.ok("join_channel", room="r", channel="c")
        first = await p.publish("r", "c", "x", id="same")
        again = await p.publish("r", "c", "x", id="same")
        other = await p.publish("r", "c", "y", id="same")
        info = await p.ok("channel_info", room="r", channel="c")
    assert (first["seq"], first["epoch"]) == (again["seq"], again["epoch"])
    assert other["error_code"] == "CONFLICT"
    assert info["messages"] == 1


async def test_direct_messages_and_responses(bus: Server, codec: str) -> None:
    async with peer(bus.url, codec) as a, peer(bus.url) as b:
        target = b.welcome["payload"]["client_id"]
        await a.send(type="message", to=target, id="d1", payload={"ask": 1})
        asked = await b.receive()
        ack = await a.receive()
        await b.send(type="response", to=asked["sender"], request_id="d1", payload=2)
        answer = await a.receive()
        await a.send(type="message", to="c_nobody", id="d2", payload=1)
        missing = await a.receive()
    assert (asked["id"], asked["to"], asked["payload"]) == ("d1", target, {"ask": 1})
    assert (ack["type"], ack["durability"], ack["to"]) == ("ack", "memory", target)
    assert (answer["type"], answer["request_id"], answer["payload"]) == ("response", "d1", 2)
    assert missing["error_code"] == "NOT_FOUND"


async def test_require_that_cannot_be_met_is_refused_and_delivered_to_nobody(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, storage_backend="memory") as bus, peer(bus.url) as p:
        refused = await p.publish("r", "c", 1, require="disk")
        taken = await p.publish("r", "c", 1, require="memory")
    assert refused["error_code"] == "DURABILITY_NOT_MET"
    assert (taken["seq"], taken["durability"]) == (1, "memory")


async def test_join_since_replays_in_order_before_anything_new(bus: Server, codec: str) -> None:
    async with peer(bus.url) as writer, peer(bus.url, codec) as reader:
        for n in range(1, 1301):
            await writer.send(type="message", room="r", channel="c", qos=0, payload=n)
        last = await writer.publish("r", "c", 1301)
        joined = await reader.ok(
            "join_channel", room="r", channel="c", since={"epoch": last["epoch"], "seq": 3}
        )
        await writer.publish("r", "c", 1302)
        seen = [await reader.receive() for _ in range(1299)]
    assert joined["recovered"] == "complete"
    assert [m["seq"] for m in seen] == list(range(4, 1303))
    assert [m["payload"] for m in seen] == list(range(4, 1303))


async def test_recovery_says_truncated_and_names_the_gap(tmp_path: Path) -> None:
    async with serving(tmp_path, retention_max_messages=5) as bus, peer(bus.url) as p:
        for n in range(1, 21):
            await p.publish("r", "c", n)
        epoch = (await p.ok("channel_info", room="r", channel="c"))["epoch"]
        joined = await p.ok("join_channel", room="r", channel="c", since={"epoch": epoch, "seq": 2})
        gap = await p.receive()
        seen = [(await p.receive())["seq"] for _ in range(5)]
        page = await p.ok("history", room="r", channel="c", after=0)
    assert (joined["recovered"], joined["first_seq"]) == ("truncated", 16)
    assert gap["type"] == "gap"
    assert (gap["payload"]["from_seq"], gap["payload"]["to_seq"]) == (3, 15)
    assert seen == [16, 17, 18, 19, 20]
    assert page["complete"] == "truncated"


@pytest.mark.parametrize("since", [{"epoch": "0000000000", "seq": 1}, {"seq": 0, "epoch": "x"}])
async def test_recovery_from_another_epoch_is_unknown(
    bus: Server, since: dict[str, object]
) -> None:
    async with peer(bus.url) as p:
        await p.publish("r", "c", 1)
        joined = await p.ok("join_channel", room="r", channel="c", since=since)
    assert joined["recovered"] == "unknown"


async def test_history_by_position_by_time_and_in_pages(bus: Server) -> None:
    async with peer(bus.url) as p:
        for n in range(1, 8):
            await p.publish("r", "c", n)
        newest = await p.ok("history", room="r", channel="c", limit=3)
        first = await p.ok("history", room="r", channel="c", after=0, limit=5)
        rest = await p.ok("history", room="r", channel="c", after=first["next_after"], limit=5)
        moment = first["messages"][3]["stored_at"]
        since = await p.ok("history", room="r", channel="c", since_time=moment)
        until = await p.ok("history", room="r", channel="c", after=0, until_time=moment)
    assert [m["payload"] for m in newest["messages"]] == [5, 6, 7]
    assert [m["payload"] for m in first["messages"] + rest["messages"]] == list(range(1, 8))
    assert rest["next_after"] is None
    assert [m["payload"] for m in since["messages"]][-1] == 7
    assert since["messages"][0]["stored_at"] >= moment
    assert all(m["stored_at"] < moment for m in until["messages"])
    assert first["complete"] == "complete"


async def test_only_an_empty_channel_is_deleted(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.ok("create_channel", room="r", channel="c")
        again = await p.call("create_channel", room="r", channel="c")
        await p.ok("join_channel", room="r", channel="c")
        joined = await p.call("delete_channel", room="r", channel="c")
        await p.ok("leave_channel", room="r", channel="c")
        await p.publish("r", "c", 1)
        holding = await p.call("delete_channel", room="r", channel="c")
        await p.ok("delete_channel", room="r", channel="c", discard_history=True)
        gone = await p.call("channel_info", room="r", channel="c")
        listed = await p.ok("list_channels")
    assert [f["error_code"] for f in (again, joined, holding)] == ["CONFLICT"] * 3
    assert "discard_history" in holding["error"]
    assert gone["error_code"] == "NOT_FOUND"
    assert listed["channels"] == []


async def test_help_lists_every_command_with_its_arguments(bus: Server) -> None:
    async with peer(bus.url) as p:
        commands = {c["name"]: c for c in (await p.ok("help"))["commands"]}
    assert set(commands) == {
        "ping",
        "status",
        "help",
        "admin.reload",
        "admin.revoke",
        "audit.read",
        "auth.refresh",
        "create_channel",
        "delete_channel",
        "join_channel",
        "leave_channel",
        "list_channels",
        "channel_info",
        "history",
        "group.join",
        "group.leave",
        "group.ack",
        "group.nack",
        "group.pending",
        "group.claim",
        "group.list",
        "group.delete",
        "delayed.list",
        "delayed.cancel",
    }
    assert commands["history"]["required"] == ["room", "channel"]
    assert "since_time" in commands["history"]["arguments"]


@pytest.mark.parametrize(
    ("command", "args", "code", "word"),
    [
        ("nope", {}, "UNKNOWN_COMMAND", "help"),
        ("join_channel", {"room": 1, "channel": "c"}, "VALIDATION_ERROR", "room"),
        ("join_channel", {"room": "r"}, "VALIDATION_ERROR", "channel"),
        ("join_channel", {"room": "r", "channel": "c", "x": 1}, "VALIDATION_ERROR", "x"),
        ("join_channel", {"room": "a b", "channel": "c"}, "VALIDATION_ERROR", "room"),
        ("leave_channel", {"room": "r", "channel": "c"}, "NOT_FOUND", "r:c"),
        ("history", {"room": "r", "channel": "c", "limit": 0}, "VALIDATION_ERROR", "limit"),
        ("ping", {"loud": True}, "VALIDATION_ERROR", "loud"),
    ],
)
async def test_a_wrong_command_says_which_and_why(
    bus: Server, codec: str, command: str, args: dict[str, object], code: str, word: str
) -> None:
    async with peer(bus.url, codec) as p:
        await p.send(type="command", id="w", command=command, args=args)
        error = await p.receive()
    assert (error["type"], error["error_code"], error["request_id"]) == ("error", code, "w")
    assert error["status"] == "error"
    assert word in error["error"]


async def test_frames_behind_a_command_keep_their_order(bus: Server) -> None:
    async with peer(bus.url) as p:
        await p.send(
            type="command", id="1", command="create_channel", args={"room": "r", "channel": "c"}
        )
        await p.send(
            type="command", id="2", command="join_channel", args={"room": "r", "channel": "c"}
        )
        for n in range(200):
            await p.send(type="message", room="r", channel="c", id=f"m{n}", payload=n)
        frames = [await p.receive() for _ in range(402)]
    assert [f["request_id"] for f in frames[:2]] == ["1", "2"]
    assert [f["payload"] for f in frames if f["type"] == "message"] == list(range(200))
    assert [f["request_id"] for f in frames if f["type"] == "ack"] == [f"m{n}" for n in range(200)]
