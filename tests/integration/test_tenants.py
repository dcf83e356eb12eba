"""Two tenants at one real server, with tokens and a policy, before and after a restart."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from support.peer import Peer, peer
from support.server import Server, serving

SECRET = "q8Zt-4vX_mN2pLr7KcW9sYb3HdJf6GaE"
POLICY = """
schema = 1
[roles.member]
subjects = ["*"]
[[rule]]
id = "members-use-their-tenant"
effect = "allow"
roles = ["member"]
actions = ["publish", "subscribe", "history", "presence", "create", "delete", "group", "direct"]
"""
RC = {"room": "r", "channel": "c"}
GROUP = {**RC, "group": "g"}


async def member(stack: AsyncExitStack, bus: Server, tenant: str, codec: str) -> Peer:
    claims = {"sub": "alice", "tenant": tenant, "iat": 1_700_000_000, "exp": 4_000_000_000}
    token = jwt.encode(claims, SECRET, "HS256")
    header = {"Authorization": f"Bearer {token}"}
    joined = await stack.enter_async_context(peer(bus.url, codec, additional_headers=header))
    assert joined.welcome["payload"]["tenant"] == tenant
    return joined


@pytest.mark.parametrize("codec", ["json", "msgpack"])
async def test_what_two_tenants_call_the_same_is_never_the_same(
    tmp_path: Path, stored: dict[str, str], backend: str, codec: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    options = {**stored, "auth_mode": "token", "auth_secret": SECRET, "access_policy_file": file}
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = ("acme", "acme.r", "default")
    async with serving(tmp_path / "data", **options) as bus, AsyncExitStack() as stack:
        peers = [await member(stack, bus, tenant, codec) for tenant in names]
        epochs = set()
        for number, one in enumerate(peers):
            joined = await one.ok("join_channel", **RC)
            assert (joined["seq"], joined["subscribers"]) == (0, 1)
            epochs.add(joined["epoch"])
            ack = await one.publish("r", "c", {"mark": number}, id="same")
            assert ack["seq"] == 1
            later = await one.publish("r", "c", {"mark": number}, id="later", deliver_at=in_an_hour)
            assert later["type"] == "ack"
            group = await one.ok("group.join", **GROUP, start="beginning")
            assert group["created"]
            task = await one.until("task")
            assert task["payload"] == {"mark": number}
            listed = await one.ok("list_channels")
            assert [(c["room"], c["channel"]) for c in listed["channels"]] == [("r", "c")]
            status = await one.ok("status")
            assert (status["connections"], status["channels"]) == (1, 1)
            assert status["delayed"]["waiting"] == 1
        assert len(epochs) == len(names)
        other = peers[1].welcome["payload"]["client_id"]
        await peers[0].send(type="message", to=other, id="d", payload="hello")
        assert (await peers[0].until("error"))["error_code"] == "NOT_FOUND"
    if backend == "memory":
        return
    async with serving(tmp_path / "data", **options) as bus, AsyncExitStack() as stack:
        for number, tenant in enumerate(names):
            one = await member(stack, bus, tenant, codec)
            history = await one.ok("history", **RC)
            (message,) = history["messages"]
            assert message["payload"] == {"mark": number}
            groups = await one.ok("group.list")
            assert len(groups["groups"]) == 1
            waiting = await one.ok("delayed.list", **RC)
            assert [m["id"] for m in waiting["messages"]] == ["later"]
            await one.ok("delayed.cancel", **RC, id="later")
            await one.ok("group.delete", **GROUP)
            await one.ok("delete_channel", **RC, discard_history=True)
