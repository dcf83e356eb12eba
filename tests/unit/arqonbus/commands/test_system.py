from __future__ import annotations

import pytest
from unit.arqonbus.commands.calling import Calls, Payload
from unit.arqonbus.gateway.fakes import FakeStorage

from arqonbus.errors import ErrorCode
from arqonbus.model.durability import Durability

GROUP = {"room", "channel", "group"}
ARGUMENTS = {
    "ping": set[str](),
    "status": set[str](),
    "create_channel": {"room", "channel"},
    "delete_channel": {"room", "channel", "discard_history"},
    "list_channels": {"room", "after", "limit"},
    "channel_info": {"room", "channel"},
    "join_channel": {"room", "channel", "since"},
    "leave_channel": {"room", "channel"},
    "history": {"room", "channel", "after", "epoch", "limit", "since_time", "until_time"},
    "group.join": {
        *GROUP,
        "credits",
        "start",
        "visibility_timeout",
        "max_attempts",
        "dead_letter",
    },
    "group.leave": GROUP,
    "group.ack": {*GROUP, "seqs", "epoch"},
    "group.nack": {*GROUP, "seqs", "epoch", "delay"},
    "group.pending": {*GROUP, "after", "limit"},
    "group.claim": {*GROUP, "min_idle", "limit"},
    "group.list": {"room", "channel", "after", "limit"},
    "group.delete": GROUP,
    "delayed.list": {"room", "channel", "after", "limit"},
    "delayed.cancel": {"room", "channel", "id"},
    "audit.read": {"after", "limit", "since_time", "tenant"},
    "auth.refresh": {"token"},
    "admin.revoke": {"subject", "reason", "until", "token_id", "tenant"},
    "admin.reload": set(),
    "help": {"command"},
}
# Beside the names of a group or channel, which are required wherever they are arguments.
REQUIRED = {
    "auth.refresh": {"token"},
    "group.ack": {"seqs", "epoch"},
    "group.nack": {"seqs", "epoch"},
    "group.claim": {"min_idle"},
    "delayed.cancel": {"id"},
}
OPTIONAL_NAMES = {"list_channels", "group.list"}


async def test_ping_tells_the_time(calls: Calls) -> None:
    calls.wired.now += 7
    answer = await calls.payload("ping")
    assert answer == {"pong": True, "time": "2026-01-01T12:00:00.000007Z"}


async def test_help_lists_every_command_with_its_arguments(calls: Calls) -> None:
    listed = (await calls.payload("help"))["commands"]
    assert {one["name"]: set(one["arguments"]) for one in listed} == ARGUMENTS
    assert all(one["summary"] for one in listed)


async def test_help_says_which_arguments_are_required(calls: Calls) -> None:
    listed = (await calls.payload("help"))["commands"]
    required = {one["name"]: set(one["required"]) for one in listed}
    for name, given in ARGUMENTS.items():
        names = set[str]() if name in OPTIONAL_NAMES else given & GROUP
        assert required[name] == names | REQUIRED.get(name, set())


async def test_help_tells_one_commands_arguments(calls: Calls) -> None:
    (one,) = (await calls.payload("help", command="list_channels"))["commands"]
    assert one["name"] == "list_channels"
    limit = one["arguments"]["limit"]
    assert (limit["type"], limit["minimum"], limit["maximum"]) == ("integer", 1, 1000)


async def test_help_knows_no_other_command(calls: Calls) -> None:
    error = await calls.refusal("help", command="reboot")
    assert error.code is ErrorCode.NOT_FOUND
    assert error.message.startswith("command:")


async def test_status_tells_how_it_is_now(calls: Calls) -> None:
    calls.another()
    await calls.wired.channel("r", "c")
    await calls.payload("join_channel", room="r", channel="d")
    calls.wired.now += 1_500_000
    status = await calls.payload("status")
    expected = {"client_id": "c_1", "connections": 2, "channels": 2, "joined": ["r:d"]}
    assert expected.items() <= status.items()
    assert (status["uptime"], status["draining"]) == (1.5, False)
    assert status["server"] == {"name": "arqonbus", "version": "test"}
    assert storage_of(status) == ("disk", True, None)


def storage_of(status: Payload) -> tuple[object, ...]:
    storage = status["storage"]
    return storage["durability"], storage["available"], storage["problem"]


@pytest.mark.parametrize("durability", [Durability.MEMORY, Durability.DISK])
async def test_status_tells_what_is_wrong(durability: Durability) -> None:
    calls = Calls(FakeStorage(durability))
    calls.storage.trouble = "the disk is full"
    calls.wired.bus.drain()
    status = await calls.payload("status")
    assert storage_of(status) == (durability.wire, False, "the disk is full")
    assert status["draining"] is True


async def test_status_shows_books_that_balance(calls: Calls) -> None:
    await calls.payload("join_channel", room="r", channel="c")
    await calls.wired.channel(messages=3)
    ledger = (await calls.payload("status"))["ledger"]
    assert (ledger["published"], ledger["stored"], ledger["waiting"]) == (3, 3, 0)
    assert ledger["due"] == 3
    assert ledger["own"] == {"due": 3, "delivered": 3, "pending": 0, "dropped": {}}
