"""A bus without sockets, disk or event loop: turns and commits happen when a test says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from unit.arqonbus.protocol.reading import unframed

from arqonbus.bus.bus import Bus
from arqonbus.bus.ticks import Tick
from arqonbus.config.limits import LimitSettings
from arqonbus.errors import ArqonBusError, StorageError
from arqonbus.gateway.member import Member
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.principal import ANONYMOUS
from arqonbus.protocol import wire
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.codec import Codec
from arqonbus.protocol.inbound import ClientFrame
from arqonbus.protocol.json_codec import JsonCodec
from arqonbus.routing.hub import Channel, Hub
from arqonbus.shield.access.builtin import OpenPolicy
from arqonbus.shield.permissions import Guard
from arqonbus.storage.interface import ChannelAppend, Lowered, OnCommit
from arqonbus.storage.memory import MemoryStorage
from arqonbus.storage.retention import Retention
from arqonbus.telemetry.ledger import Account
from arqonbus.telemetry.metrics import Metrics

NOON = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z in microseconds
JSON = JsonCodec()
Frame = dict[str, Any]


class HeldStorage(MemoryStorage):
    """Commits when it is told to, and sees to it that there is one commit at a time."""

    def __init__(self, durability: Durability) -> None:
        super().__init__(Retention(max_messages=100_000, max_bytes=100_000_000))
        self.durability = durability
        self.batches: list[list[ChannelAppend]] = []
        self.held: tuple[list[ChannelAppend], OnCommit] | None = None
        self.at_once = False
        self.trouble: str | None = None

    def append(self, batch: Sequence[ChannelAppend], on_commit: OnCommit) -> None:
        assert self.held is None, "a second commit began before the first was reported"
        taken = list(batch)
        self.batches.append(taken)
        self.held = (taken, on_commit)
        if self.at_once:
            self.commit()

    def commit(self) -> None:
        batch, on_commit = self._released()
        super().append(batch, on_commit)

    def refuse(self, message: str = "the disk is full") -> None:
        _, on_commit = self._released()
        on_commit(StorageError(message))

    def lower(self, level: Durability) -> None:
        """Refuse the commit because only `level` can be reached from now on."""
        _, on_commit = self._released()
        self.durability = level
        on_commit(Lowered(level))

    def problem(self) -> str | None:
        return self.trouble

    def _released(self) -> tuple[list[ChannelAppend], OnCommit]:
        assert self.held is not None, "nothing is being committed"
        held, self.held = self.held, None
        return held


class FakePeer(Member):
    """Publishes what is put into its inbox when it is its turn, and keeps what it is told."""

    def __init__(self, bus: Bus, client_id: str, scope: str, codec: Codec) -> None:
        super().__init__(ANONYMOUS, Guard(OpenPolicy(), "operators"), bus.hub)
        self.client_id = client_id
        self.signature = wire.signature(client_id.encode())
        self.dedup_scope = scope
        self.inbox: list[ClientFrame] = []
        self.other: list[ClientFrame] = []
        self.acks: list[Frame] = []
        self.writes = 0
        self.refused: list[ArqonBusError] = []
        self.errors: list[tuple[ArqonBusError, str | None]] = []
        self.notices: list[dict[str, object]] = []
        self.reading: list[str] = []
        self.closed: CloseCode | None = None
        self.pending = 0
        self._bus = bus
        self._codec = codec

    def account(self) -> Account:
        return Account(pending=self.pending)

    def work(self, most: int) -> int:
        frames = iter(self.inbox[:most])
        taken, self.inbox = len(self.inbox[:most]), self.inbox[most:]
        if self.inbox:
            self._bus.wake(self)
        while True:
            try:
                frame = self._bus.publish(self, self._codec, frames)
            except ArqonBusError as error:
                self.refused.append(error)
                continue
            if frame is None:
                return taken
            self.other.append(frame)

    def send_json(self, text: bytes) -> bool:
        raise AssertionError(f"the bus sends no single envelopes: {text!r}")

    def receipts(self, texts: Sequence[bytes]) -> None:
        self.writes += 1
        self.acks += [json.loads(text) for text in texts]

    def refuse(self, error: ArqonBusError, request_id: str | None) -> None:
        self.errors.append((error, request_id))

    def notice(self, payload: dict[str, object]) -> None:
        self.notices.append(payload)

    def close(self, code: CloseCode) -> None:
        self.closed = code

    def pause_reading(self) -> None:
        self.reading.append("pause")

    def resume_reading(self) -> None:
        self.reading.append("resume")


class FakeSubscriber:
    """Keeps what it gets: positions and the chunks' bytes."""

    def __init__(self, *, binary: bool = False) -> None:
        self.binary = binary
        self.chunks: list[bytes] = []
        self.positions: list[tuple[int, int]] = []
        self.notices: list[dict[str, object]] = []

    def send(self, frames: bytes) -> bool:
        self.notices += [json.loads(data)["payload"] for _, data in unframed(frames)]
        return True

    def deliver(self, channel: Channel, chunk: bytes, first_seq: int, last_seq: int) -> None:
        del channel
        self.chunks.append(chunk)
        self.positions.append((first_seq, last_seq))


def payloads(subscriber: FakeSubscriber) -> list[tuple[int, object]]:
    """Positions and payloads of all that a text subscriber got."""
    frames = [json.loads(data) for chunk in subscriber.chunks for _, data in unframed(chunk)]
    return [(frame["seq"], frame["payload"]) for frame in frames]


class Stage:
    """A wired bus. `send` puts frames into a peer's inbox, `turn` ends a turn of the loop."""

    def __init__(
        self,
        limits: LimitSettings | None = None,
        *,
        max_pending: int = 1_000_000,
        durability: Durability = Durability.DISK,
        auto_create: bool = True,
        storage: HeldStorage | None = None,
    ) -> None:
        limits = limits or LimitSettings()
        self.micros = NOON
        self.turns: list[Callable[[], None]] = []
        self.flushes = 0
        self.storage = storage or HeldStorage(durability)
        self.registry = CollectorRegistry()
        self.hub = Hub(durability, max_channels=limits.max_channels, auto_create=auto_create)
        self.bus = Bus(
            self.hub,
            self.storage,
            Tick(lambda: self.micros),
            Metrics(self.registry),
            limits,
            demanded=durability,
            max_pending_bytes=max_pending,
            call_soon=self.turns.append,
            on_batch=self._flushed,
        )

    def _flushed(self) -> None:
        self.flushes += 1

    def peer(self, client_id: str = "c_1", scope: str = "", codec: Codec = JSON) -> FakePeer:
        made = FakePeer(self.bus, client_id, scope, codec)
        self.hub.enter(made)
        return made

    def subscriber(self, name: str = "c", *, binary: bool = False) -> FakeSubscriber:
        made = FakeSubscriber(binary=binary)
        self.hub.obtain(Address("r", name)).add(made)
        return made

    def send(self, peer: FakePeer, payload: object = "p", **fields: object) -> None:
        frame = {"type": "message", "room": "r", "channel": "c", "payload": payload} | fields
        if not peer.inbox:
            self.bus.wake(peer)
        peer.inbox.append(JSON.decode(json.dumps(frame)))

    def turn(self) -> None:
        """The rest of this turn of the event loop; what it schedules belongs to the next."""
        due = self.turns.copy()
        self.turns.clear()
        for call in due:
            call()

    def settle(self) -> None:
        """Turns and commits until there is nothing to do."""
        while self.turns or self.storage.held is not None:
            self.turn()
            if self.storage.held is not None:
                self.storage.commit()

    def books(self) -> dict[str, object]:
        """The ledger's entries on messages: what was published and where it is."""
        entries = self.bus.ledger()
        return {name: entries[name] for name in ("published", "stored", "refused", "waiting")}

    def counted(self, name: str) -> float:
        value = self.registry.get_sample_value(f"arqonbus_{name}")
        assert value is not None
        return value
