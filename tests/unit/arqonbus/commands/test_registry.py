"""Commands by name, and arguments that say what is wrong with them."""

from __future__ import annotations

import msgspec
import pytest
from unit.arqonbus.gateway.wired import Wired, codecs

from arqonbus.commands.context import Caller, Reply, Services
from arqonbus.commands.registry import Command, NoArgs, Registry
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.protocol.inbound import ABSENT

RC = {"room": "r", "channel": "c"}


async def nothing(_services: Services, _caller: Caller, _args: NoArgs) -> Reply:
    return Reply(None)


def named(name: str) -> Command:
    return Command(name, "Do nothing.", NoArgs, nothing, None)


def test_commands_are_found_by_name_and_listed_in_order() -> None:
    one, other = named("one"), named("other")
    registry = Registry([one, other])
    assert registry.get("one") is one
    assert list(registry) == [one, other]
    assert "one" in registry
    assert "none" not in registry
    assert None not in registry


@pytest.mark.parametrize("name", ["", "ONE", "none", "__class__"])
def test_an_unknown_command_is_refused_and_help_pointed_to(name: str) -> None:
    with pytest.raises(ArqonBusError, match="help lists") as caught:
        Registry([named("one")]).get(name)
    assert caught.value.code is ErrorCode.UNKNOWN_COMMAND
    assert caught.value.__cause__ is None


def test_two_commands_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="named one"):
        Registry([named("one"), named("other"), named("one")])


def refusal(codec: str, command: str, args: object) -> ArqonBusError:
    encode = msgspec.json.encode if codec == "json" else msgspec.msgpack.encode
    kind = Wired().registry.get(command).args
    with pytest.raises(ArqonBusError) as caught:
        codecs()[codec].args(msgspec.Raw(encode(args)), kind)
    assert caught.value.code is ErrorCode.VALIDATION_ERROR
    return caught.value


@pytest.mark.parametrize(
    ("command", "args", "which", "why"),
    [
        ("ping", {"x": 1}, "x", "unknown field"),
        ("status", {"verbose": True}, "verbose", "unknown field"),
        ("help", {"command": 1}, "command", "Expected `str"),
        ("create_channel", {"room": "r"}, "channel", "missing required field"),
        ("create_channel", {"channel": "c"}, "room", "missing required field"),
        ("create_channel", {**RC, "room": 1}, "room", "Expected `str`, got `int`"),
        ("create_channel", {**RC, "epoch": "e"}, "epoch", "unknown field"),
        ("delete_channel", {**RC, "discard_history": 1}, "discard_history", "Expected `bool`"),
        ("list_channels", {"limit": 0}, "limit", ">= 1"),
        ("list_channels", {"limit": 1001}, "limit", "<= 1000"),
        ("list_channels", {"after": None}, "after", "Expected `str`"),
        ("channel_info", {**RC, "channel": None}, "channel", "Expected `str`"),
        ("join_channel", {**RC, "since": 5}, "since", "Expected `object | null`"),
        ("join_channel", {**RC, "since": {}}, "seq", "missing required field"),
        ("join_channel", {**RC, "since": {"seq": -1}}, "since.seq", ">= 0"),
        ("join_channel", {**RC, "since": {"seq": 1, "at": 2}}, "at", "unknown field"),
        ("leave_channel", {"room": "r"}, "channel", "missing required field"),
        ("history", {**RC, "limit": 0}, "limit", ">= 1"),
        ("history", {**RC, "after": -1}, "after", ">= 0"),
        ("history", {**RC, "after": 1.5}, "after", "Expected `int"),
        ("history", {**RC, "since_time": "yesterday"}, "since_time", "RFC3339"),
        ("history", {**RC, "until_time": "2026-01-01T00:00:00"}, "until_time", "timezone"),
    ],
)
def test_wrong_arguments_say_which_and_why(
    codec: str, command: str, args: object, which: str, why: str
) -> None:
    error = refusal(codec, command, args)
    assert error.message.startswith("args:")
    assert f"{which}`" in error.message
    assert why in error.message


@pytest.mark.parametrize("args", [["r", "c"], "r:c", 1, None])
def test_arguments_that_are_no_object_are_refused(codec: str, args: object) -> None:
    assert refusal(codec, "history", args).message.startswith("args: Expected `object`")


@pytest.mark.parametrize("command", ["create_channel", "join_channel", "leave_channel", "history"])
def test_absent_arguments_are_none_given(codec: str, command: str) -> None:
    kind = Wired().registry.get(command).args
    with pytest.raises(ArqonBusError, match="missing required field"):
        codecs()[codec].args(ABSENT, kind)


@pytest.mark.parametrize("command", ["ping", "status", "help", "list_channels"])
def test_commands_that_need_nothing_take_nothing(codec: str, command: str) -> None:
    kind = Wired().registry.get(command).args
    assert codecs()[codec].args(ABSENT, kind) == kind()


def test_arguments_nested_without_end_are_refused() -> None:
    deep = msgspec.Raw(b'{"room":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    with pytest.raises(ArqonBusError, match="args:"):
        codecs()["json"].args(deep, Wired().registry.get("history").args)
