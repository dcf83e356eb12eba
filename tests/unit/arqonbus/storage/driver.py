"""As much of a bus as a store sees."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from support.failing import FailingServer, FailingStorage

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.durability import Durability
from arqonbus.model.ids import new_epoch
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.fallback.store import FallbackStorage
from arqonbus.storage.interface import ChannelAppend, CommitResult, Lowered, Storage


@dataclass
class Bus:
    """Gives positions, has one append in flight at a time, and keeps what it is told."""

    server: FailingServer = field(default_factory=FailingServer)
    primary: Storage | None = None
    room: int = 1_000_000
    ends: dict[Address, tuple[str, int]] = field(default_factory=dict)
    adopted: list[StreamInfo] = field(default_factory=list)
    not_kept: list[int] = field(default_factory=list)
    now: int = 0

    def __post_init__(self) -> None:
        self.store = FallbackStorage(
            self.primary or FailingStorage(self.server),
            max_buffer_bytes=self.room,
            on_not_kept=self.not_kept.append,
        )

    async def open(self) -> Bus:
        self.adopt(await self.store.open())
        self.adopted.clear()
        return self

    def adopt(self, infos: Sequence[StreamInfo]) -> None:
        self.adopted += infos
        self.ends |= {info.address: (info.epoch, info.last_seq) for info in infos}

    def item(
        self, address: Address, bodies: Sequence[bytes], keys: dict[int, str]
    ) -> ChannelAppend:
        epoch, after = self.ends.setdefault(address, (new_epoch(), 0))
        return ChannelAppend(address, epoch, after, self.now, bodies, keys)

    async def put(self, address: Address, *bodies: bytes, **keys: str) -> Durability:
        """The level at which these were stored."""
        self.now += 1
        by_index = {bodies.index(name.encode()): key for name, key in keys.items()}
        while True:
            done: asyncio.Future[CommitResult] = asyncio.get_running_loop().create_future()
            item = self.item(address, bodies, by_index)
            self.store.append([item], done.set_result)
            result = await done
            if not isinstance(result, Lowered):
                break
            assert result.durability == self.store.durability
        for error in [result] if isinstance(result, StorageError) else result:
            if error is not None:
                raise error
        self.ends[address] = (item.epoch, item.after + len(bodies))
        return self.store.durability

    async def history(self, address: Address, after: int = 0, limit: int = 1000) -> list[bytes]:
        bodies: list[bytes] = []
        while True:
            epoch, through = self.ends[address]
            page = await self.store.read(
                address, after=after, through=through, limit=limit, max_bytes=10**9
            )
            assert page is not None
            assert page.info.epoch == epoch
            assert [m.seq for m in page.messages] == list(
                range(after + 1, after + 1 + len(page.messages))
            )
            bodies += [message.body for message in page.messages]
            after += len(page.messages)
            if not page.more:
                assert after == through
                return bodies

    async def probe(self) -> None:
        await self.store.probe(self.adopt)
