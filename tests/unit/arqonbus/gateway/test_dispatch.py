"""Direct messages and commands: what each request is answered with."""

from __future__ import annotations

import json

import msgspec
import pytest
from unit.arqonbus.gateway.fakes import FakeConnection, Frame
from unit.arqonbus.gateway.wired import Stage, Wired, codecs, command, publish

from arqonbus.config.limits import HeartbeatSettings
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.msgpack_codec import MsgpackCodec
from arqonbus.shield.access.interface import Decision
from arqonbus.telemetry.security import SecurityEvent


class Pair:
    """Two connected clients: c_1 asks, c_2 may be sent to."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.wired = Wired(more=self.stage.commands())
        self.one, self.asking = self.wired.session("c_1")
        self.two, self.addressed = self.wired.session("c_2")

    def ask(self, frame: str) -> Frame:
        """The one answer to a frame."""
        self.one.receive(frame)
        self.wired.turn()
        (answer,) = self.asking.frames
        return answer

    async def call(self, name: str, request_id: str | None = None, **args: object) -> list[Frame]:
        self.one.receive(command(name, request_id, **args))
        await self.wired.until_quiet()
        return self.asking.frames

    def response(self, **fields: object) -> Frame:
        """What c_2 gets when c_1 answers it."""
        frame = {"type": "response", "to": "c_2", "request_id": "q1", "payload": 1, **fields}
        self.one.receive(json.dumps(frame))
        self.wired.turn()
        return self.addressed.only("response")


@pytest.fixture
def pair() -> Pair:
    return Pair()


def test_a_direct_message_arrives_and_is_acknowledged_as_in_memory(pair: Pair) -> None:
    ack = pair.ask(publish({"a": 1}, to="c_2", id="m1"))
    message = pair.addressed.only("message")
    assert (message["sender"], message["to"], message["payload"]) == ("c_1", "c_2", {"a": 1})
    assert (message["id"], message["version"]) == ("m1", "1.0")
    assert message["timestamp"] == "2026-01-01T12:00:00.000000Z"
    assert (ack["type"], ack["request_id"], ack["to"]) == ("ack", "m1", "c_2")
    assert ack["durability"] == "memory"
    assert not {"seq", "room", "channel"} & ack.keys()


def test_an_id_is_minted_and_acknowledged(pair: Pair) -> None:
    ack = pair.ask(publish(1, to="c_2"))
    assert pair.addressed.only("message")["id"] == ack["request_id"]
    assert ack["request_id"].startswith("arq_")
    assert ack["id"] != ack["request_id"]


def test_qos_0_wants_no_ack(pair: Pair) -> None:
    pair.one.receive(publish(1, to="c_2", qos=0))
    pair.wired.turn()
    assert pair.addressed.only("message")["payload"] == 1
    assert pair.asking.frames == []


def test_a_direct_message_carries_what_its_sender_said(pair: Pair) -> None:
    said = {
        "timestamp": "2025-12-31T00:00:00Z",
        "metadata": {"trace": "x"},
        "request_id": "q1",
    }
    pair.ask(publish(1, to="c_2", **said))
    assert said.items() <= pair.addressed.only("message").items()


def test_a_direct_message_is_put_in_the_receivers_codec(pair: Pair) -> None:
    _, connection = pair.wired.session("c_3", codec=MsgpackCodec())
    pair.ask(publish({"a": [1, None]}, to="c_3"))
    assert connection.only("message")["payload"] == {"a": [1, None]}


def test_a_binary_sender_is_heard_by_a_text_peer(pair: Pair) -> None:
    session, _ = pair.wired.session("c_3", codec=MsgpackCodec())
    session.receive(msgspec.msgpack.encode(json.loads(publish({"a": 1}, to="c_2"))))
    pair.wired.turn()
    assert pair.addressed.only("message")["payload"] == {"a": 1}


@pytest.mark.parametrize("place", [{"room": "r", "channel": "c"}, {"room": "r"}, {"channel": "c"}])
def test_both_a_client_and_a_channel_are_refused(pair: Pair, place: dict[str, object]) -> None:
    error = pair.ask(publish(1, to="c_2", id="m1", **place))
    assert (error["error_code"], error["request_id"]) == ("VALIDATION_ERROR", "m1")
    assert error["error"].startswith("to:")
    assert pair.addressed.frames == []


def test_no_client_of_that_name_is_not_found(pair: Pair) -> None:
    error = pair.ask(publish(1, to="c_9", id="m1"))
    assert (error["error_code"], error["request_id"]) == ("NOT_FOUND", "m1")


def test_a_client_that_left_is_not_found(pair: Pair) -> None:
    pair.two.ended()
    assert pair.ask(publish(1, to="c_2"))["error_code"] == "NOT_FOUND"


@pytest.mark.parametrize("level", ["remote", "disk", "replicated"])
def test_more_than_memory_cannot_be_had(pair: Pair, level: str) -> None:
    error = pair.ask(publish(1, to="c_2", require=level))
    assert error["error_code"] == "DURABILITY_NOT_MET"
    assert level in error["error"]
    assert "memory" in error["error"]
    assert pair.addressed.frames == []


def test_memory_can_be_required(pair: Pair) -> None:
    assert pair.ask(publish(1, to="c_2", require="memory"))["durability"] == "memory"


def test_a_full_outbox_is_told_instead_of_acknowledged(pair: Pair) -> None:
    pair.addressed.takes = False
    error = pair.ask(publish(1, to="c_2", id="m1"))
    assert (error["error_code"], error["request_id"]) == ("RATE_LIMITED", "m1")
    assert error["payload"] == {"retryable": True}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": "no good"}, "id:"),
        ({"timestamp": "yesterday"}, "timestamp:"),
        ({"timestamp": "2026-13-01T00:00:00Z"}, "timestamp:"),
        ({"metadata": [1]}, "metadata:"),
        ({"metadata": {"a": 1 << 70}}, "64 bits"),
    ],
)
def test_a_bad_field_is_named(pair: Pair, fields: dict[str, object], named: str) -> None:
    error = pair.ask(publish(1, to="c_2", **fields))
    assert error["error_code"] == "VALIDATION_ERROR"
    assert named in error["error"]
    assert pair.addressed.frames == []


def test_a_payload_must_fit_both_codecs(pair: Pair) -> None:
    error = pair.ask(publish([1 << 70], to="c_2"))
    assert error["error"].startswith("payload:")


def test_a_response_is_passed_on_with_its_sender_and_no_ack(pair: Pair) -> None:
    got = pair.response(payload={"x": 1})
    assert (got["status"], got["request_id"], got["sender"]) == ("success", "q1", "c_1")
    assert (got["to"], got["payload"]) == ("c_2", {"x": 1})
    assert pair.asking.frames == []


def test_a_response_may_tell_an_error(pair: Pair) -> None:
    got = pair.response(status="error", metadata={"why": "so"}, id="a1")
    assert (got["status"], got["metadata"], got["id"]) == ("error", {"why": "so"}, "a1")


def test_a_response_to_nobody_is_not_found(pair: Pair) -> None:
    frame = {"type": "response", "to": "c_9", "request_id": "q1", "payload": 1, "id": "a1"}
    error = pair.ask(json.dumps(frame))
    assert (error["error_code"], error["request_id"]) == ("NOT_FOUND", "a1")


async def test_a_command_is_answered_and_counted(pair: Pair) -> None:
    (frame,) = await pair.call("ping", "p1")
    assert (frame["type"], frame["request_id"], frame["status"]) == ("response", "p1", "success")
    assert frame["payload"]["pong"] is True
    assert pair.wired.counted("commands_total", command="ping", status="success") == 1


async def test_a_command_without_an_id_is_answered_under_a_minted_one(pair: Pair) -> None:
    (frame,) = await pair.call("ping")
    assert frame["request_id"].startswith("arq_")


async def test_an_unknown_command_is_counted_under_no_name_of_the_clients(pair: Pair) -> None:
    (frame,) = await pair.call("rm -rf", "x1")
    assert (frame["error_code"], frame["request_id"]) == ("UNKNOWN_COMMAND", "x1")
    assert "help" in frame["error"]
    assert pair.wired.counted("commands_total", command="unknown", status="error") == 1
    assert pair.wired.counted("commands_total", command="rm -rf", status="error") is None


@pytest.mark.parametrize("name", ["refuse", "boom"])
async def test_a_failed_command_is_counted_as_that(pair: Pair, name: str) -> None:
    (frame,) = await pair.call(name, "f1")
    assert (frame["type"], frame["request_id"]) == ("error", "f1")
    assert pair.wired.counted("commands_total", command=name, status="error") == 1
    assert pair.wired.counted("commands_total", command=name, status="success") is None


async def test_wrong_arguments_do_not_run_the_command(pair: Pair) -> None:
    (frame,) = await pair.call("hold", "h1", nonsense=1)
    assert (frame["error_code"], frame["request_id"]) == ("VALIDATION_ERROR", "h1")
    assert "nonsense" in frame["error"]
    assert pair.stage.steps == []


async def test_what_fails_after_the_answer_is_told_after_it(pair: Pair) -> None:
    answer, error = await pair.call("late", "l1")
    assert (answer["type"], answer["request_id"]) == ("response", "l1")
    assert (error["error"], error["request_id"]) == ("too late", "l1")


class Nothing:
    """A policy that allows nothing."""

    epoch = "nothing"
    warnings: tuple[str, ...] = ()

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        del principal, action, room, channel
        return Decision(allowed=False, rule="r", why="nothing is allowed")


async def test_a_command_is_run_for_whoever_may_do_it() -> None:
    wired = Wired(policy=Nothing())
    session, connection = wired.session("c_1")
    session.receive(command("create_channel", "c1", room="r", channel="c"))
    session.receive(command("ping", "p1"))
    await wired.until_quiet()
    created, pinged = sorted(connection.frames, key=lambda frame: str(frame["request_id"]))
    assert created["error_code"] == "FORBIDDEN"
    assert pinged["status"] == "success"


class Screened:
    """Payload rules that let everything pass, and note what commands bring."""

    def __init__(self, *, active: bool) -> None:
        self.active = active
        self.seen: list[tuple[object, str, str]] = []

    def screen_args(self, codec: Codec, args: msgspec.Raw, room: str, channel: str) -> None:
        self.seen.append((codec.value(args), room, channel))


@pytest.mark.parametrize("active", [True, False])
async def test_arguments_are_held_against_the_payload_rules_while_there_are_any(
    pair: Pair, active: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = Screened(active=active)
    monkeypatch.setattr(pair.wired.bus, "screening", rules)
    address = {"room": "r", "channel": "c"}
    (answer,) = await pair.call("create_channel", "c1", **address)
    assert answer["status"] == "success"
    assert rules.seen == ([(address, "r", "c")] if active else [])
    pair.one.receive(json.dumps({"type": "command", "command": "ping", "id": "p1"}))
    await pair.wired.until_quiet()
    assert len(rules.seen) == active


def test_a_message_to_a_client_cannot_be_put_off(pair: Pair) -> None:
    answer = pair.ask(publish(1, to="c_2", deliver_at="2026-01-01T13:00:00Z"))
    assert answer["error_code"] == "VALIDATION_ERROR"
    assert answer["error"].startswith("deliver_at: ")


@pytest.mark.parametrize(
    ("code", "told"), [(ErrorCode.FORBIDDEN, True), (ErrorCode.VALIDATION_ERROR, False)]
)
def test_who_tries_what_is_not_allowed_is_reported(pair: Pair, code: ErrorCode, told: bool) -> None:
    heard: list[SecurityEvent] = []
    pair.wired.events.attach(heard.append)
    pair.wired.dispatcher.refused(pair.one, ArqonBusError(code, "no", about="r:c"))
    assert [(one.what, one.client_id, one.target) for one in heard] == (
        [(code.value, "c_1", "r:c")] if told else []
    )


def test_the_welcome_tells_the_limits_that_hold() -> None:
    limits = {
        "max_frame_bytes": 2048,
        "channels_per_connection": 7,
        "history_page": 9,
        "dedup_window": 5,
    }
    wired = Wired(None, limits)
    connection = FakeConnection(binary=True)
    codec = codecs()["msgpack"]
    session, _ = wired.session(
        "c_1", codec=codec, principal=Principal("ada"), connection=connection
    )
    welcome = wired.dispatcher.welcome(session)
    heartbeat = HeartbeatSettings()
    assert welcome["limits"] == limits
    assert welcome["heartbeat"] == {
        "interval": heartbeat.interval,
        "timeout": heartbeat.timeout,
        "idle_timeout": None,
    }
    assert welcome["capabilities"] == [
        *("publish", "direct", "history", "resume"),
        *("groups", "delayed"),
    ]
    assert (welcome["client_id"], welcome["subject"]) == ("c_1", "ada")
    assert (welcome["protocol"], welcome["subprotocol"]) == ("1.0", "arqonbus.v1.msgpack")
    assert (welcome["durability"], welcome["server"]) == (
        "disk",
        {"name": "arqonbus", "version": "test"},
    )
