"""Tokens, tenants, rights and their changes, over real sockets."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from support.server import serving
from support.shielded import EVERYTHING, SECRET, member, shielded, token
from websockets.exceptions import ConnectionClosed, InvalidStatus

NO_PUBLISHING = """
[[rule]]
id = "mute"
effect = "deny"
subjects = ["ann"]
actions = ["publish"]
"""
NO_READING = """
[[rule]]
id = "blind"
effect = "deny"
subjects = ["ann"]
actions = ["subscribe", "group"]
"""


def code(frame: dict[str, Any]) -> str:
    return str(frame.get("error_code") or frame["type"])


async def test_two_tenants_use_the_same_names_and_never_meet(tmp_path: Path) -> None:
    async with (
        shielded(tmp_path) as server,
        member(server, token("ann")) as ann,
        member(server, token("ann", "rival"), codec="msgpack") as other,
    ):
        for one in (ann, other):
            await one.ok("join_channel", room="r", channel="c")
            await one.ok("group.join", room="r", channel="c", group="g")
        await ann.send(type="message", room="r", channel="c", payload="ours", qos=0)
        await other.send(type="message", room="r", channel="c", payload="theirs", qos=0)
        heard = [await ann.until("message"), await other.until("task")]
        assert [(f["payload"], f["seq"], f["room"]) for f in heard] == [
            ("ours", 1, "r"),
            ("theirs", 1, "r"),
        ]
        found = await ann.ok("history", room="r", channel="c")
        assert [m["payload"] for m in found["messages"]] == ["ours"]
        listed = await ann.ok("list_channels")
        assert [c["room"] for c in listed["channels"]] == ["r"]
        assert (await ann.ok("status"))["connections"] == 1
        direct = await ann.call("ping")
        assert code(direct) == "response"
        await ann.send(type="message", to=other.welcome["payload"]["client_id"], payload=1, id="d")
        assert code(await ann.until("error")) == "NOT_FOUND"


async def test_without_a_policy_nothing_is_allowed(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, auth_secret=SECRET) as server,
        member(server, token("ann")) as ann,
    ):
        assert code(await ann.publish("r", "c", 1)) == "FORBIDDEN"
        room = {"room": "r", "channel": "c"}
        for name, args in {
            "join_channel": room,
            "create_channel": room,
            "delete_channel": room,
            "channel_info": room,
            "history": room,
            "group.join": room | {"group": "g"},
            "delayed.list": room,
            "admin.reload": {},
            "audit.read": {},
        }.items():
            assert code(await ann.call(name, **args)) == "FORBIDDEN", name
        assert (await ann.ok("list_channels"))["channels"] == []
        await ann.ok("ping")
        (warned,) = server.events("the access policy should be looked at")
        assert "access init" in str(warned["warning"])


async def test_a_token_ends_while_its_connection_lives(tmp_path: Path) -> None:
    async with (
        shielded(tmp_path, auth_leeway=0) as server,
        member(server, token("ann", lasts=1.5)) as ann,
    ):
        notice = await ann.until("notice")
        assert notice["payload"]["event"] == "token"
        with pytest.raises(ConnectionClosed) as closed:
            await ann.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4100


async def test_a_refreshed_token_keeps_the_connection_and_all_its_messages(tmp_path: Path) -> None:
    async with (
        shielded(tmp_path, auth_leeway=0) as server,
        member(server, token("ann", lasts=1.5)) as ann,
        member(server, token("bob")) as bob,
    ):
        await ann.ok("join_channel", room="r", channel="c")
        first_end = time.time() + 1.5
        answer = await ann.ok("auth.refresh", token=token("ann"))
        assert answer["expires"] > first_end
        sent = 0
        while time.time() < first_end + 1:
            await bob.publish("r", "c", sent)
            assert (await ann.until("message"))["payload"] == sent
            sent += 1
        assert sent > 1


@pytest.mark.parametrize(("subject", "tenant"), [("bob", "acme"), ("ann", "rival")])
async def test_a_connection_becomes_nobody_else(tmp_path: Path, subject: str, tenant: str) -> None:
    async with shielded(tmp_path) as server, member(server, token("ann")) as ann:
        other = token(subject, tenant)
        assert code(await ann.call("auth.refresh", token=other)) == "FORBIDDEN"
        spoilt = await ann.call("auth.refresh", token=other[:-4] + "AAAA")
        assert code(spoilt) == "UNAUTHENTICATED"
        await ann.ok("ping")


@pytest.mark.parametrize("how", ["subject", "token_id"])
async def test_a_revoked_token_is_over_at_once_and_after_a_restart(
    tmp_path: Path, how: str
) -> None:
    held = token("ann", jti="t-1")
    async with (
        shielded(tmp_path) as server,
        member(server, held) as ann,
        member(server, token("admin")) as admin,
    ):
        whom = {"subject": "ann"} if how == "subject" else {"token_id": "t-1"}
        answer = await admin.ok("admin.revoke", **whom)
        assert (answer["closed"], answer["durability"]) == (1, "disk")
        with pytest.raises(ConnectionClosed) as closed:
            await ann.until("never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4101
        with pytest.raises(InvalidStatus):
            async with member(server, held):
                pass
        server.process.kill()
    async with shielded(tmp_path) as server:
        with pytest.raises(InvalidStatus) as refused:
            async with member(server, held):
                pass
        assert refused.value.response.status_code == 401
        async with member(server, token("bob")) as bob:
            await bob.ok("ping")


async def test_a_tenants_administrator_reaches_no_other_tenant(tmp_path: Path) -> None:
    async with (
        shielded(tmp_path) as server,
        member(server, token("ann", "rival")) as ann,
        member(server, token("admin")) as admin,
        member(server, token("admin", "operators")) as operator,
    ):
        assert (await admin.ok("admin.revoke", subject="ann"))["closed"] == 0
        refused = await admin.call("admin.revoke", subject="ann", tenant="rival")
        assert code(refused) == "FORBIDDEN"
        assert code(await admin.call("admin.reload")) == "FORBIDDEN"
        await ann.ok("ping")
        assert (await operator.ok("admin.revoke", subject="ann", tenant="rival"))["closed"] == 1


@pytest.mark.parametrize("by", ["command", "signal"])
async def test_a_reload_holds_for_live_connections(tmp_path: Path, by: str) -> None:
    async with (
        shielded(tmp_path) as server,
        member(server, token("ann")) as ann,
        member(server, token("admin", "operators")) as operator,
    ):
        await ann.ok("join_channel", room="r", channel="c")
        await ann.ok("group.join", room="r", channel="c", group="g")
        assert code(await ann.publish("r", "c", 1)) == "ack"
        (tmp_path / "policy.toml").write_text(EVERYTHING + NO_PUBLISHING + NO_READING)
        if by == "command":
            answer = await operator.ok("admin.reload")
            assert answer["access"]["weakened"] == []
        else:
            server.process.send_signal(signal.SIGHUP)
        left = [(await ann.until("notice"))["payload"] for _ in range(2)]
        assert [(n["event"], n["left"], n.get("group")) for n in left] == [
            ("access", True, None),
            ("access", True, "g"),
        ]
        assert code(await ann.publish("r", "c", 2)) == "FORBIDDEN"
        assert (await ann.ok("status"))["joined"] == []
        (tmp_path / "policy.toml").write_text(EVERYTHING)
        answer = await operator.ok("admin.reload")
        assert answer["access"]["weakened"]
        assert code(await ann.publish("r", "c", 3)) == "ack"
        assert server.events("the new access policy allows more")


async def test_a_reload_that_is_wrong_in_any_way_changes_nothing(tmp_path: Path) -> None:
    async with (
        shielded(tmp_path) as server,
        member(server, token("ann")) as ann,
        member(server, token("admin", "operators")) as operator,
    ):
        (tmp_path / "policy.toml").write_text(EVERYTHING + NO_PUBLISHING + "[[rul]]\n")
        refused = await operator.call("admin.reload")
        assert code(refused) == "CONFLICT"
        assert "rul" in refused["error"]
        assert code(await ann.publish("r", "c", 1)) == "ack"


async def test_refusals_and_what_administrators_do_are_in_the_audit_log(tmp_path: Path) -> None:
    async with (
        shielded(tmp_path, EVERYTHING + NO_PUBLISHING) as server,
        member(server, token("ann")) as ann,
        member(server, token("admin", "operators")) as operator,
    ):
        assert code(await ann.publish("r", "c", 1)) == "FORBIDDEN"
        await operator.ok("admin.revoke", subject="eve", tenant="acme", reason="left")

        refusal: list[dict[str, Any]] = []
        while not refusal:
            # What was done is there when it is answered; refusals follow within the window.
            records = (await operator.ok("audit.read"))["records"]
            done = [r for r in records if r["kind"] == "revocation"]
            assert [(r["what"], r["target"], r["tenant"]) for r in done] == [
                ("subject", "acme/eve", "acme")
            ]
            refusal = [r for r in records if r["kind"] == "refusal"]
        assert (refusal[0]["what"], refusal[0]["subject"]) == ("FORBIDDEN", "ann")
        assert refusal[0]["target"].startswith("publish r:c: ")
