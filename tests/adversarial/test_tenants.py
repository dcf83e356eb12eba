"""Two tenants on one bus: what one of them gets is the same whatever the other does, or whether it
is there at all (non-interference), but for ids and epochs, which are random.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.quiet import quiet
from support.redis_store import fresh_prefix
from support.valkey import Valkey
from support.whole_bus import Client, Frame, living
from unit.arqonbus.gateway.fakes import NOON

from arqonbus.app.build import App
from arqonbus.model.principal import Principal
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.protocol.msgpack_codec import MsgpackCodec

EXAMPLES = int(os.environ.get("ARQONBUS_TEST_EXAMPLES", "0"))
# Names that are, begin or look like the tenants' own.
TENANTS = [("acme", "acme.r"), ("default", "acme"), ("acme", "default"), ("a", "_a"), ("r", "R")]
LATER, SECOND = "2026-01-01T12:00:30Z", 1_000_000
ROOMS = st.sampled_from(["r"] * 12 + ["acme", "default", "a.r", "R"])
BAD_ROOMS = st.sampled_from(["acme/r", "a/r", "/r", "acme:r", "", "../r", "_arqonbus", "\u0430"])
CHANNELS = st.sampled_from(["c"] * 6 + ["d", "c.dead"])
GROUPS = st.sampled_from(["g"] * 6 + ["h", "acme"])
IDS = st.sampled_from(["i1", "i2", "acme:i1"])
CLIENTS = st.sampled_from(["c_a0", "c_a1", "c_b0", "c_b1", "c_none"])
EPOCH = "the channel's own"


class Marked(NamedTuple):
    """A value in which each tenant puts its name."""

    number: int


VALUES = st.builds(Marked, st.integers(1, 9))
WHERE = {"room": st.one_of(*[ROOMS] * 15, BAD_ROOMS), "channel": CHANNELS}
RC = {"room": ROOMS, "channel": CHANNELS}


def frame(kind: str, required: Mapping[str, Any], **optional: Any) -> st.SearchStrategy[Frame]:
    fields = {"type": st.just(kind), **required}
    return st.fixed_dictionaries(
        fields, optional={"metadata": st.builds(dict, m=VALUES)} | optional
    )


def command(name: str, required: Mapping[str, Any], **optional: Any) -> st.SearchStrategy[Frame]:
    args = st.fixed_dictionaries(dict(required), optional=optional)
    fields = {"type": st.just("command"), "command": st.just(name), "args": args}
    return st.fixed_dictionaries(fields)


GROUP = {**RC, "group": GROUPS}
SETTLE = {**GROUP, "seqs": st.lists(st.integers(1, 6), min_size=1, max_size=6, unique=True)}
EPOCHS = {"epoch": st.sampled_from([EPOCH, EPOCH, "0123456789"])}
LIMITS = {"limit": st.integers(1, 3)}
PUBLISH = frame(
    "message",
    {**WHERE, "payload": VALUES},
    id=IDS,
    qos=st.sampled_from([0, 1]),
    deliver_at=st.just(LATER),
    require=st.sampled_from(["memory", "replicated"]),
)
MEMBERSHIP = [
    command("join_channel", WHERE),
    command("join_channel", RC, since=st.just({"seq": 0})),
    command("leave_channel", RC),
    command("create_channel", WHERE),
    command("delete_channel", RC, discard_history=st.booleans()),
    command("channel_info", WHERE),
    command("list_channels", {}, room=ROOMS, after=st.sampled_from(["a", "r:c"]), **LIMITS),
    command("history", RC, after=st.integers(0, 3), **LIMITS),
]
GROUPED = [
    command(
        "group.join",
        GROUP,
        credits=st.integers(1, 3),
        start=st.sampled_from(["new", "beginning"]),
        max_attempts=st.sampled_from([1, 2]),
        dead_letter=st.sampled_from(["d", "c.dead"]),
    ),
    command("group.leave", GROUP),
    command("group.ack", SETTLE | EPOCHS),
    command("group.nack", SETTLE | EPOCHS, delay=st.sampled_from([0, 20])),
    command("group.claim", GROUP | {"min_idle": st.sampled_from([0, 5])}),
    command("group.pending", GROUP, **LIMITS),
    command("group.list", {}, room=ROOMS, after=st.sampled_from(["r", "r:c:g"]), **LIMITS),
    command("group.delete", GROUP),
]
OTHERS = [
    frame("message", {"to": CLIENTS, "payload": VALUES}),
    frame("response", {"to": CLIENTS, "request_id": IDS, "payload": VALUES}),
    command("delayed.list", RC, **LIMITS),
    command("delayed.cancel", RC | {"id": IDS}),
    command("status", {}),
    command("help", {}, command=st.just("ping")),
    command("ping", {}),
    command("auth.refresh", {"token": st.just("x")}),
    command("admin.revoke", {}, subject=st.just("alice"), tenant=st.sampled_from(["acme", "a"])),
    command("audit.read", {}, tenant=st.sampled_from(["acme", "a"])),
    frame("telemetry", {}),
    frame("message", {**RC, "payload": VALUES, "sender": CLIENTS}),
]
FRAMES = st.one_of(*[PUBLISH] * 12, *MEMBERSHIP * 2, *GROUPED * 2, *OTHERS)
SENT = st.lists(st.tuples(st.integers(0, 1), FRAMES), min_size=1, max_size=6)


class Round(NamedTuple):
    """What both tenants send in one turn of the event loop, and what happens before."""

    before: str
    mine: list[tuple[int, Frame]]
    theirs: list[tuple[int, Frame]]
    mine_first: bool


BEFORE = st.sampled_from(["", "", "", "", "", "later", "restart", "reconnect"])
ROUNDS = st.lists(st.builds(Round, BEFORE, SENT, SENT, st.booleans()), min_size=3, max_size=8)


class Tenant:
    """Two connections of one tenant, one in each codec, and the epochs that they were told."""

    def __init__(
        self, app: App, letter: str, tenant: str, epochs: dict[tuple[str, str], str]
    ) -> None:
        self.letter, self.epochs, self.asked = letter, epochs, 0
        self.clients = [
            Client(app, Principal("alice", tenant), JsonCodec(), f"c_{letter}0"),
            Client(app, Principal("bob", tenant), MsgpackCodec(), f"c_{letter}1"),
        ]

    def send(self, frames: Sequence[tuple[int, Frame]]) -> None:
        for number, one in frames:
            client = self.clients[number]
            marked = self._filled(one, one)
            if one["type"] == "command":
                self.asked += 1
                marked["id"] = f"q{self.asked}"
            binary = client.connection.binary
            client.session.receive(msgspec.msgpack.encode(marked) if binary else json.dumps(marked))

    def _filled(self, value: Any, whole: Frame) -> Any:
        if isinstance(value, Marked):
            return f"secret-of-{self.letter} {value.number}"
        if isinstance(value, dict):
            return {key: self._filled(inner, whole) for key, inner in value.items()}
        if value == EPOCH:
            args = whole["args"]
            return self.epochs.get((args["room"], args["channel"]), "0123456789")
        return value

    def got(self) -> list[list[Frame]]:
        """What each connection was sent since the last call, in an order of its own."""
        heard = []
        for client in self.clients:
            heard.append(client.connection.heard[:])
            client.connection.heard.clear()
            for one in heard[-1]:
                self._learn(one)
                self._learn(one.get("payload"))
        return heard

    def _learn(self, value: Any) -> None:
        if isinstance(value, dict) and {"room", "channel", "epoch"} <= value.keys():
            self.epochs[value["room"], value["channel"]] = value["epoch"]

    def leave(self) -> None:
        for client in self.clients:
            client.leave()


def tidy(heard: Sequence[Sequence[Frame]], seen: dict[str, str]) -> list[list[str]]:
    """Without what is random: minted ids, and epochs by the order in which they were met."""

    def named(found: re.Match[str]) -> str:
        return seen.setdefault(found[0], f"epoch {len(seen)}")

    lines = []
    for frames in heard:
        texts = [json.dumps(one, sort_keys=True) for one in frames]
        texts = [re.sub(r"arq_[0-9a-f-]{36}", "minted", text) for text in texts]
        lines.append(sorted(re.sub(r"\b[0-9a-f]{10}\b", named, text) for text in texts))
    return lines


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


async def played(
    config: Mapping[str, object], names: tuple[str, str], rounds: Sequence[Round], *, alone: bool
) -> list[list[list[Frame]]]:
    """All that the first tenant got, round by round."""
    clock, heard = Clock(), []
    mine_known: dict[tuple[str, str], str] = {}
    theirs_known: dict[tuple[str, str], str] = {}
    ledger: dict[str, Any]
    todo = list(rounds)
    while todo:
        async with living(config, clock) as app:
            tenants = [Tenant(app, "a", names[0], mine_known)]
            if not alone:
                tenants.append(Tenant(app, "b", names[1], theirs_known))
            while todo:
                one = todo.pop(0)
                clock.now += 40 * SECOND if one.before == "later" else SECOND
                sent = [one.mine, one.theirs][: len(tenants)]
                if one.before == "reconnect":
                    for number, tenant in enumerate(tenants):
                        tenant.leave()
                        tenants[number] = Tenant(app, tenant.letter, names[number], tenant.epochs)
                turns = list(zip(tenants, sent, strict=True))
                for tenant, frames in turns if one.mine_first else reversed(turns):
                    tenant.send(frames)
                everybody = [client for tenant in tenants for client in tenant.clients]
                await quiet(app, everybody, clock)
                mine, *_ = [tenant.got() for tenant in tenants]
                heard.append(mine)
                if todo and todo[0].before == "restart":
                    todo[0] = todo[0]._replace(before="")
                    break
            ledger = app.bus.ledger()
            taken = [ledger["stored"], ledger["refused"], ledger["waiting"]]
            assert taken == [ledger["published"], 0, 0], ledger
            assert app.metrics.registry.get_sample_value(
                "arqonbus_internal_errors_total", {"where": "session"}
            ) in {None, 0.0}
            for tenant in tenants:
                tenant.leave()
    return heard


async def check(
    first: Mapping[str, object],
    second: Mapping[str, object],
    names: tuple[str, str],
    rounds: Sequence[Round],
) -> None:
    together = await played(first, names, rounds, alone=False)
    alone = await played(second, names, rounds, alone=True)
    seen_together: dict[str, str] = {}
    seen_alone: dict[str, str] = {}
    for number, (with_them, without) in enumerate(zip(together, alone, strict=True)):
        text = json.dumps(with_them)
        assert "secret-of-b" not in text, (number, text)
        assert "INTERNAL" not in text, (number, text)
        assert tidy(with_them, seen_together) == tidy(without, seen_alone), number


@settings(max_examples=EXAMPLES or 40)
@given(names=st.sampled_from(TENANTS), rounds=ROUNDS)
async def test_what_a_tenant_gets_does_not_depend_on_the_other_one(
    names: tuple[str, str], rounds: list[Round]
) -> None:
    memory = {"storage": {"backend": "memory"}, "limits": {"violations_before_close": 1000}}
    await check(memory, memory, names, rounds)


@pytest.mark.parametrize("kind", ["sqlite", "sqlite-degraded", "redis"])
@settings(max_examples=EXAMPLES or 6)
@given(names=st.sampled_from(TENANTS), rounds=ROUNDS)
async def test_nor_on_a_store_that_both_share_and_that_is_opened_again(
    tmp_path_factory: pytest.TempPathFactory,
    valkey: Valkey,
    kind: str,
    names: tuple[str, str],
    rounds: list[Round],
) -> None:
    backend, _, mode = kind.partition("-")

    def fresh() -> dict[str, object]:
        return {
            "data_dir": tmp_path_factory.mktemp("data"),
            "storage": {"backend": backend, "mode": mode or "strict"},
            "redis": {"url": valkey.url, "prefix": fresh_prefix(), "timeout": 30},
            "limits": {"violations_before_close": 1000},
        }

    await check(fresh(), fresh(), names, rounds)
