"""Rights that were lost while something was under way counted until it was done, or longer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.shielded import EVERYTHING, SECRET
from support.whole_bus import Client, living
from unit.arqonbus.commands.calling import Calls
from unit.arqonbus.gateway.fakes import NOON, FakeConnection
from unit.arqonbus.gateway.wired import Wired

from arqonbus.app.build import App
from arqonbus.config.shield import AuthSettings
from arqonbus.errors import ErrorCode
from arqonbus.gateway.expiry import Expiries
from arqonbus.gateway.session import Session
from arqonbus.model.address import Address
from arqonbus.model.principal import Principal
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.shield.access.builtin import ClosedPolicy
from arqonbus.telemetry.security import SecurityEvent

RC = {"room": "r", "channel": "c"}
PAGE = 512
ANN, BOB = Principal("ann", "acme"), Principal("bob", "acme")
BLIND = """
[[rule]]
id = "blind"
effect = "deny"
subjects = ["ann"]
actions = ["subscribe", "history", "group"]
"""


class Broken(FakeConnection):
    """Fails from the moment it is told to."""

    fails = False

    def send(self, frames: bytes) -> bool:
        if self.fails:
            raise RuntimeError("broken")
        return super().send(frames)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "policy.toml").write_text(EVERYTHING)
    return {
        "storage": {"backend": "memory"},
        "auth": {"secret": SECRET},
        "access": {"policy_file": tmp_path / "policy.toml"},
    }


def reload(app: App, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(EVERYTHING + BLIND)
    app.services.reloads.reload()


def lose_all(calls: Calls) -> None:
    calls.wired.guard.policy = ClosedPolicy()
    calls.caller.rights_changed()


async def test_a_long_replay_went_on_and_ended_in_a_subscription() -> None:
    calls = Calls()
    channel = await calls.wired.channel(messages=PAGE + 10)
    calls.connection.on_room = lambda: lose_all(calls)
    assert await calls.code("join_channel", **RC, since={"seq": 0}) is ErrorCode.FORBIDDEN
    assert len(calls.connection.of("message")) == PAGE
    assert not calls.caller.joined
    assert not channel.subscribers


async def test_a_replay_to_a_connection_that_closes_read_on_to_the_end() -> None:
    calls = Calls()
    channel = await calls.wired.channel(messages=3 * PAGE)
    calls.connection.takes = False
    await calls.payload("join_channel", **RC, since={"seq": 0})
    assert calls.connection.replayed == PAGE
    assert not calls.caller.joined
    assert not channel.subscribers


async def test_who_lost_the_right_while_the_channel_was_stored_joined_it() -> None:
    calls = Calls()
    calls.storage.gate.clear()
    joining = asyncio.create_task(calls.code("join_channel", **RC))
    await asyncio.sleep(0)
    lose_all(calls)
    calls.storage.gate.set()
    assert await joining is ErrorCode.FORBIDDEN
    assert not calls.caller.joined


async def test_who_lost_the_right_while_the_group_was_made_became_its_worker(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    async with living(settings) as app:
        ann = Client(app, ANN)
        args = {**RC, "group": "g"}
        joining = asyncio.create_task(ann.ask(type="command", command="group.join", args=args))
        while (group := app.services.groups.find(Address("acme/r", "c"), "g")) is None:  # noqa: ASYNC110 - see below
            await asyncio.sleep(0)  # the turn right after it was made is the point
        reload(app, tmp_path)
        assert (await joining)["error_code"] == "FORBIDDEN"
        assert not group.peers


async def test_leaving_told_which_channels_there_are() -> None:
    calls = Calls()
    other, _ = calls.another()
    calls.wired.hub.obtain(other.address("r", "there"))
    calls.wired.guard.policy = ClosedPolicy()
    for channel in ("there", "missing"):
        refused = await calls.code("leave_channel", room="r", channel=channel)
        assert refused is ErrorCode.FORBIDDEN


async def test_one_peer_that_fails_left_the_others_with_the_rights_of_before(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    async with living(settings) as app:
        connection = Broken()
        failing = Session("c_failing", ANN, JsonCodec(), connection, app.shared.dispatcher)
        failing.start()
        ann = Client(app, ANN)
        bob = Client(app, BOB)
        await bob.call("create_channel", **RC)
        channel = app.bus.hub.existing(Address("acme/r", "c"))
        channel.add(connection)
        failing.joined[channel] = None
        await ann.call("join_channel", **RC)
        connection.fails = True
        reload(app, tmp_path)
        assert not ann.session.joined
        assert connection.closed == [CloseCode.INTERNAL_ERROR]


def test_one_peer_that_fails_kept_the_tokens_of_the_others_from_ending() -> None:
    wired = Wired()
    seconds = NOON / 1e6
    soon, over = (
        Principal("ann", "acme", expires=seconds + 10),
        Principal("bob", "acme", expires=seconds - 1000),
    )
    broken = Broken()
    wired.session("c_1", principal=soon, connection=broken)
    broken.fails = True
    _, connection = wired.session("c_2", principal=over)
    expiries = Expiries(wired.hub, wired.tick, AuthSettings(), wired.events, wired.metrics)
    expiries.look()
    assert wired.counted("internal_errors_total", where="expiry") == 1
    assert connection.closed == [CloseCode.UNAUTHENTICATED]


def test_an_ended_token_was_reported_again_and_again_while_its_client_was_leaving() -> None:
    wired = Wired()
    told: list[SecurityEvent] = []
    wired.events.attach(told.append)
    ended = Principal("ann", "acme", expires=NOON / 1e6 - 1000)
    _, connection = wired.session("c_1", principal=ended)
    expiries = Expiries(wired.hub, wired.tick, AuthSettings(), wired.events, wired.metrics)
    for _ in range(3):
        expiries.look()
    assert [event.what for event in told] == ["expired"]
    assert connection.closed == [CloseCode.UNAUTHENTICATED]
