"""Payload rules on a running bus, in both codecs and by every way a message takes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from support.payload_rules import AWS_KEY, CARD, policy_file
from support.peer import Peer, peer
from support.server import Server, serving

from arqonbus.client import Client, Message, RefusedError

RULES = (
    '[[rule]]\nid = "secrets"\ndetect = ["secrets"]\n'
    '[[rule]]\nid = "cards"\ndetect = ["payment-card"]\naction = "redact"\n'
    '[[json_schema]]\nid = "order"\nrooms = ["orders"]\nschema = { type = "object" }\n'
    '[[rule]]\nid = "inside"\nrooms = ["orders"]\ndeny = ["plutonium"]\n'
)
SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
EVERYTHING = """
schema = 1
[[rule]]
id = "all"
effect = "allow"
subjects = ["*"]
actions = ["publish", "subscribe", "create", "admin"]
"""
MARK = "[redacted:cards]"
Frame = dict[str, Any]


@asynccontextmanager
async def ruled(folder: Path, rules: str = RULES, **settings: object) -> AsyncIterator[Server]:
    file = policy_file(folder, rules)
    async with serving(folder / "data", casil_policy_file=file, **settings) as bus:
        yield bus


async def heard(one: Peer, payload: object, channel: str = "c", **more: object) -> Frame:
    """What a subscriber that publishes itself is delivered."""
    await one.send(type="message", room="r", channel=channel, payload=payload, qos=0, **more)
    return await one.until("message")


def refused(answer: Frame) -> tuple[str, str]:
    return answer["error_code"], answer["error"]


async def test_a_message_that_passes_carries_its_receipt(tmp_path: Path, codec: str) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url, codec) as a, peer(bus.url) as b:
        await b.ok("join_channel", room="r", channel="c")
        await a.publish("r", "c", {"n": "é"}, metadata={"k": 1}, id="one")
        message = await b.until("message")
        page = await b.ok("history", room="r", channel="c")
    receipt = message["inspection"]
    # n, é, k, 1, one, r, c
    assert (receipt["inspected"], receipt["total"]) == (10, 10)
    assert (receipt["verdict"], receipt["rules"]) == ("pass", [])
    assert page["messages"][0]["inspection"] == receipt


async def test_a_block_keeps_nothing_of_the_message(tmp_path: Path, codec: str) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url, codec) as a:
        await a.ok("join_channel", room="r", channel="c")
        in_payload = await a.publish("r", "c", {"k": AWS_KEY})
        in_metadata = await a.publish("r", "c", 1, metadata={"trace": {"x": AWS_KEY}})
        in_id = await a.publish("r", "c", 1, id=AWS_KEY)
        in_room = await a.publish(AWS_KEY, "c", 1)
        for silently in (0, 1):
            await a.send(type="message", room="r", channel="c", qos=silently, payload=AWS_KEY)
            assert (await a.until("error"))["error_code"] == "POLICY_BLOCKED"
        info = await a.ok("channel_info", room="r", channel="c")
        said = bus.events("security event")
    assert info["messages"] == 0
    assert refused(in_payload) == ("POLICY_BLOCKED", "secrets: aws-access-key at payload/k")
    assert refused(in_metadata)[1] == "secrets: aws-access-key at metadata/trace/x"
    assert refused(in_id)[1] == "secrets: aws-access-key at id"
    assert refused(in_room)[1] == "secrets: aws-access-key at room"
    assert [line["target"] for line in said if line["what"] == "POLICY_BLOCKED"] == [
        *["r:c: secrets"] * 3,
        "an address: secrets",
        *["r:c: secrets"] * 2,
    ]
    assert AWS_KEY not in repr(bus.log)


async def test_redaction_reaches_subscribers_and_history(tmp_path: Path, codec: str) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url, codec) as a, peer(bus.url, codec) as b:
        await b.ok("join_channel", room="r", channel="c")
        ack = await a.publish("r", "c", {"pay": [int(CARD)]}, metadata={"note": CARD})
        message = await b.until("message")
        page = await b.ok("history", room="r", channel="c")
    assert ack["type"] == "ack"
    assert message["payload"] == {"pay": [MARK]}
    assert message["metadata"] == {"note": MARK}
    assert (message["inspection"]["verdict"], message["inspection"]["rules"]) == (
        "redact",
        ["cards"],
    )
    assert page["messages"][0]["payload"] == {"pay": [MARK]}


async def test_direct_messages_and_responses_are_inspected(tmp_path: Path, codec: str) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url, codec) as a, peer(bus.url) as b:
        mine, yours = (p.welcome["payload"]["client_id"] for p in (a, b))
        await a.send(type="message", to=yours, payload=AWS_KEY)
        assert (await a.receive())["error_code"] == "POLICY_BLOCKED"
        await a.send(type="message", to=yours, id="d1", payload=[CARD], request_id="d1")
        asked = await b.receive()
        assert (await a.receive())["type"] == "ack"
        await b.send(type="response", to=mine, request_id="d1", payload={"k": AWS_KEY})
        assert (await b.receive())["error_code"] == "POLICY_BLOCKED"
        await b.send(type="response", to=mine, request_id="d1", payload=CARD)
        answer = await a.receive()
    assert (asked["payload"], asked["inspection"]["verdict"]) == ([MARK], "redact")
    assert (answer["payload"], answer["inspection"]["verdict"]) == (MARK, "redact")


async def test_what_is_put_off_is_inspected_when_it_is_taken(tmp_path: Path, codec: str) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url, codec) as a:
        await a.ok("join_channel", room="r", channel="c")
        later = {"deliver_at": "2100-01-01T00:00:00Z"}
        blocked = await a.publish("r", "c", AWS_KEY, **later)
        message = await heard(a, CARD, deliver_at="2000-01-01T00:00:00Z")
    assert blocked["error_code"] == "POLICY_BLOCKED"
    assert (message["payload"], message["inspection"]["verdict"]) == (MARK, "redact")


async def test_tasks_and_dead_letters_keep_their_receipt(tmp_path: Path) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url) as a:
        place = {"room": "r", "channel": "c", "group": "g"}
        await a.ok("join_channel", room="r", channel="dead")
        await a.ok("group.join", **place, credits=1, max_attempts=1, dead_letter="dead")
        await a.publish("r", "c", CARD)
        task = await a.until("task")
        await a.ok("group.nack", **place, seqs=[task["seq"]], epoch=task["epoch"])
        letter = await a.until("message")
    assert task["inspection"]["rules"] == ["cards"]
    assert (letter["payload"], letter["inspection"]) == (MARK, task["inspection"])


async def test_the_client_sees_receipts_and_refusals(tmp_path: Path) -> None:
    async with ruled(tmp_path) as bus, Client(bus.url) as a, Client(bus.url) as b:
        subscription, inbox = await b.subscribe("r", "c"), b.direct_messages()
        await a.publish("r", "c", CARD)
        await a.send(b.client_id, CARD)
        with pytest.raises(RefusedError, match="secrets: aws-access-key at payload") as refusal:
            await a.publish("r", "c", AWS_KEY)
        message, direct = await anext(subscription), await anext(inbox)
    assert refusal.value.code == "POLICY_BLOCKED"
    assert isinstance(message, Message)
    assert message.inspection is not None
    assert direct.inspection is not None
    assert message.inspection.rules == direct.inspection.rules == ["cards"]


async def test_rules_of_a_room_are_for_that_room(tmp_path: Path, codec: str) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url, codec) as a:
        other = await a.publish("r", "c", "plutonium")
        mine = await a.publish("orders", "c", ["plutonium"])
        fits = await a.publish("orders", "c", {"n": 1})
    assert other["type"] == fits["type"] == "ack"
    assert refused(mine) == ("POLICY_BLOCKED", "inside: deny at payload/0")


async def test_a_reload_changes_the_version_and_a_bad_one_nothing(tmp_path: Path) -> None:
    (tmp_path / "access.toml").write_text(EVERYTHING)
    shield = {"auth_secret": SECRET, "access_policy_file": tmp_path / "access.toml"}
    now = time.time()
    claims = {"sub": "op", "tenant": "operators", "iat": now, "exp": now + 600}
    bearer = {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}
    async with (
        ruled(tmp_path, RULES, **shield) as bus,
        peer(bus.url, additional_headers=bearer) as a,
    ):
        await a.ok("join_channel", room="r", channel="c")
        first = (await heard(a, 1))["inspection"]["policy"]
        policy_file(tmp_path, RULES + "[[rul]]\n")
        bad = await a.call("admin.reload")
        assert bad["error_code"] == "CONFLICT"
        assert "rul" in bad["error"]
        assert (await heard(a, 1))["inspection"]["policy"] == first
        policy_file(tmp_path, RULES + '[[rule]]\nid = "x"\ndeny = ["xenon"]\n')
        answer = await a.ok("admin.reload")
        assert (await a.publish("r", "c", "xenon"))["error_code"] == "POLICY_BLOCKED"
        second = (await heard(a, 1))["inspection"]["policy"]
        changed = [line for line in bus.events("security event") if line["kind"] == "policy"]
    assert second == answer["payload_rules"] != first
    assert changed[-1]["detail"] == {"before": first, "after": second}


async def test_without_rules_there_is_no_receipt(bus: Server) -> None:
    async with peer(bus.url) as a:
        await a.ok("join_channel", room="r", channel="c")
        assert "inspection" not in await heard(a, AWS_KEY)


async def test_names_in_the_arguments_of_commands_are_looked_at(tmp_path: Path, codec: str) -> None:
    async with ruled(tmp_path) as bus, peer(bus.url, codec) as a:
        for name, args in {
            "create_channel": {"room": "r", "channel": AWS_KEY},
            "join_channel": {"room": AWS_KEY, "channel": "c"},
            "group.join": {"room": "r", "channel": "c", "group": AWS_KEY},
            "list_channels": {"room": AWS_KEY},
        }.items():
            answer = await a.call(name, **args)
            assert answer["error_code"] == "POLICY_BLOCKED", name
            assert AWS_KEY not in str(answer)
        assert (await a.ok("list_channels"))["channels"] == []


async def test_the_token_of_a_refresh_is_no_secret_that_leaves(tmp_path: Path) -> None:
    (tmp_path / "access.toml").write_text(EVERYTHING)
    now = time.time()
    token = jwt.encode({"sub": "a", "tenant": "t", "iat": now, "exp": now + 60}, SECRET, "HS256")
    bearer = {"Authorization": f"Bearer {token}"}
    async with (
        ruled(tmp_path, auth_secret=SECRET, access_policy_file=tmp_path / "access.toml") as bus,
        peer(bus.url, additional_headers=bearer) as a,
    ):
        assert (await a.ok("auth.refresh", token=token))["subject"] == "a"
