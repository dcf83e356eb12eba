"""Any interleaving of traffic, failures, losses and restarts: what was taken is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.failing import FailingServer
from unit.arqonbus.storage.driver import Bus

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.ids import new_epoch
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import ChannelAppend, StreamLostError

A, B = Address("r", "a"), Address("r", "b")


class ModelBus(Bus):
    """A bus that checks that no position is ever given to two messages.

    `expected` is what must be kept of each stream, in order. `unsure` are the streams that the bus
    does not know as they are, until it is told.
    """

    def begin(self, before: ModelBus | None) -> None:
        self.expected: dict[Address, list[bytes]] = before.expected if before else {}
        self.given: dict[tuple[Address, str, int], bytes] = before.given if before else {}
        self.unsure: set[Address] = set(self.server.streams) & set(self.expected)
        self.number: int = before.number if before else 0

    def adopt(self, infos: Sequence[StreamInfo]) -> None:
        super().adopt(infos)
        for info in infos:
            assert info.last_seq == len(self.expected[info.address])
            self.unsure.discard(info.address)
            for seq, body in enumerate(self.expected[info.address], 1):
                self.give(info.address, info.epoch, seq, body)

    def give(self, address: Address, epoch: str, seq: int, body: bytes) -> None:
        assert self.given.setdefault((address, epoch, seq), body) == body

    def buffered(self, address: Address) -> list[bytes]:
        stream = self.store._buffer.streams.get(address)
        return [body for chunk in stream.chunks for body in chunk.bodies] if stream else []

    def held(self, address: Address) -> list[bytes]:
        return self.server.bodies(address) if address in self.server.streams else []

    async def publish(self, address: Address, count: int) -> None:
        bodies = [b"%d" % (self.number + n) for n in range(count)]
        self.number += count
        try:
            await self.put(address, *bodies)
        except StreamLostError:
            await self.begin_anew(address)
            return
        epoch, last = self.ends[address]
        self.expected.setdefault(address, []).extend(bodies)
        for seq, body in enumerate(bodies, last - count + 1):
            self.give(address, epoch, seq, body)

    async def begin_anew(self, address: Address) -> None:
        try:
            info = await self.store.restart(address, new_epoch())
        except StorageError:
            return
        self.adopt([info])

    async def check_read(self, address: Address, after: int, limit: int) -> None:
        epoch, through = self.ends.get(address, ("", 0))
        try:
            page = await self.store.read(
                address, after=after, through=through, limit=limit, max_bytes=4
            )
        except StorageError:
            assert self.server.down or address in self.unsure or self.store.shortfall()
            return
        if page is None or page.info.epoch != epoch or page.info.last_seq < through:
            assert address in self.unsure or address not in self.ends
            return
        for seq, message in enumerate(page.messages, after + 1):
            assert message.seq == seq
            assert self.given[address, epoch, seq] == message.body
        if address not in self.unsure:
            expected = self.expected.get(address, [])[after:through]
            assert page.more == (len(page.messages) < len(expected))
            assert bool(page.messages) == bool(expected)

    def check(self) -> None:
        for address, expected in self.expected.items():
            buffered, held = self.buffered(address), self.held(address)
            assert set(expected) <= {*buffered, *held}
            if self.store.durability is Durability.DISK:
                assert buffered == []
                if address not in self.unsure:
                    assert held == expected

    def lose(self, address: Address, keep: int) -> None:
        kept = self.server.streams.get(address)
        if kept is None:
            return
        before = set(self.held(address))
        kept.cut(keep)
        if keep == 0:
            del self.server.streams[address]
        lost = before - set(self.held(address)) - set(self.buffered(address))
        self.expected[address] = [b for b in self.expected[address] if b not in lost]
        if lost or not (self.buffered(address) or keep):
            self.unsure.add(address)
        if not self.store._opened:
            self.forget_unseen_losses()
            self.unsure &= set(self.server.streams)

    def trip(self, commits: int, *, stored: bool) -> None:
        """Let the server go away with a later commit."""
        left = commits

        def count_down(_: Sequence[ChannelAppend]) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                self.server.down, self.server.outcomes = True, [stored]

        self.server.at_commit = count_down

    def be_up(self) -> None:
        self.server.down = self.server.full = False
        self.server.at_commit, self.server.outcomes = None, []

    async def ended(self, *, clean: bool) -> ModelBus:
        """The next run's bus."""
        if clean:
            await self.store.close()
            held = {address: self.held(address) for address in self.expected}
            gone = sum(b not in held[a] for a, bodies in self.expected.items() for b in bodies)
            assert gone <= sum(self.not_kept)
            self.forget_unseen_losses()
        for address, bodies in self.expected.items():
            kept = set(self.held(address))
            self.expected[address] = [body for body in bodies if body in kept]
        return await started(self.server, self)

    def forget_unseen_losses(self) -> None:
        """A tail that the server lost and that no run met before its end can't be told."""
        for address in self.unsure & set(self.server.streams):
            kept = self.server.streams[address]
            for key in [k for k in self.given if k[:2] == (address, kept.epoch)]:
                if key[2] > kept.last:
                    del self.given[key]

    async def look(self, publishes: Sequence[tuple[Address, int]] = ()) -> None:
        """Probe, with traffic meanwhile; what was written back is known as it is now."""
        buffered = {address for address in self.expected if self.buffered(address)}
        await asyncio.gather(self.probe(), self._publishing(publishes))
        if self.store.durability is Durability.DISK:
            assert not self.unsure & buffered

    async def _publishing(self, publishes: Sequence[tuple[Address, int]]) -> None:
        for address, count in publishes:
            await self.publish(address, count)
            await asyncio.sleep(0)

    async def settled(self) -> None:
        """Everything works again, and the bus met every stream."""
        self.be_up()
        await self.probe()
        assert self.store.durability is Durability.DISK
        for address in (A, B):
            await self.publish(address, 1)
            await self.publish(address, 1)
            assert await self.history(address) == self.expected[address] == self.held(address)
        await self.store.close()


async def started(server: FailingServer, before: ModelBus | None = None) -> ModelBus:
    bus = ModelBus(server)
    bus.begin(before)
    await bus.open()
    return bus


_ADDRESS = st.sampled_from([A, B])
_STEP = st.one_of(
    st.tuples(st.just("publish"), _ADDRESS, st.integers(1, 4)),
    st.tuples(st.just("read"), _ADDRESS, st.integers(0, 12), st.integers(1, 9)),
    st.tuples(st.just("down"), st.sampled_from(["down", "full"]), st.booleans()),
    st.tuples(st.just("trip"), st.integers(1, 3), st.booleans()),
    st.tuples(st.just("up")),
    st.tuples(st.just("probe")),
    st.tuples(st.just("busy probe"), st.lists(st.tuples(_ADDRESS, st.integers(1, 3)), max_size=6)),
    st.tuples(st.just("lose"), _ADDRESS, st.integers(0, 5)),
    st.tuples(st.just("end"), st.booleans()),
)


async def _step(bus: ModelBus, step: tuple[object, ...]) -> ModelBus:
    match step:
        case ("publish", Address() as address, int(count)):
            await bus.publish(address, count)
        case ("read", Address() as address, int(after), int(limit)):
            await bus.check_read(address, after, limit)
        case ("down", str(kind), bool(stored)):
            setattr(bus.server, kind, True)
            bus.server.outcomes = [stored]
        case ("trip", int(commits), bool(stored)):
            bus.trip(commits, stored=stored)
        case ("up",):
            bus.be_up()
        case ("probe",):
            await bus.look()
        case ("busy probe", list(publishes)):
            await bus.look(publishes)
        case ("lose", Address() as address, int(keep)):
            bus.lose(address, keep)
        case ("end", bool(clean)):
            return await bus.ended(clean=clean)
    return bus


@settings(max_examples=400)
@given(steps=st.lists(_STEP, min_size=10, max_size=40))
def test_nothing_taken_is_lost_and_nothing_read_is_wrong(steps: list[tuple[object, ...]]) -> None:
    async def run() -> None:
        bus = await started(FailingServer())
        for step in steps:
            bus = await _step(bus, step)
            bus.check()
        await bus.settled()

    with pytest.MonkeyPatch.context() as patch:
        # So that a few messages take several rounds of the write-back.
        patch.setattr("arqonbus.storage.fallback.buffer._MESSAGES", 3)
        asyncio.run(run())
