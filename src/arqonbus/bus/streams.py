"""Channels and the streams behind them: what is read, and what happens when a stream is gone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from arqonbus.bus.fanout import notice_chunk
from arqonbus.errors import StorageError
from arqonbus.model.ids import new_epoch
from arqonbus.storage.interface import StreamLostError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arqonbus.bus.ticks import Tick
    from arqonbus.model.stream import StreamInfo
    from arqonbus.routing.hub import Channel, Hub
    from arqonbus.storage.interface import Page, Storage
    from arqonbus.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Streams:
    """Reads streams no further than what was committed, and begins a new epoch for those that the
    store lost; who has joined is told.
    """

    def __init__(self, hub: Hub, storage: Storage, tick: Tick, metrics: Metrics) -> None:
        self.hub = hub
        self._storage = storage
        self._tick = tick
        self._metrics = metrics
        self._restarting: dict[Channel, asyncio.Task[None]] = {}
        # Streams of which it is not known yet which ids were published to them.
        self.adopted: list[Channel] = []

    async def read(
        self, channel: Channel, *, after: int, limit: int, max_bytes: int
    ) -> Page | None:
        """A page up to the newest committed position (see `Storage.read`); None when the channel
        is not stored yet or was deleted.

        Raises:
            StorageError: the store can't be read, or lost the stream.
        """
        epoch, through = channel.epoch, channel.last_seq
        try:
            page = await self._storage.read(
                channel.address,
                after=min(after, through),  # a client's number may be beyond what stores can count
                through=through,
                limit=limit,
                max_bytes=max_bytes,
            )
        except StreamLostError:
            if self.hub.holds(channel):
                self.lost(channel)
            raise
        if not self.hub.holds(channel):
            return None
        if channel.epoch != epoch:
            raise StorageError(f"{channel.address} began a new epoch meanwhile")
        if page is None:
            if channel.stored and not channel.deleting:
                self._raise_lost(channel)
            return None
        if page.info.epoch != epoch or page.info.last_seq < through:
            self._raise_lost(channel)
        return replace(page, info=replace(page.info, last_seq=through))

    def _raise_lost(self, channel: Channel) -> None:
        self.lost(channel)
        raise StreamLostError(f"{channel.address}: the store lost positions of this stream")

    def lost(self, channel: Channel) -> None:
        """The store lost positions of a stream: go on with what is left, under a new epoch."""
        if channel in self._restarting:
            return
        log.error("a stream was lost", channel=channel.address.path, seq=channel.last_seq)
        task = asyncio.get_running_loop().create_task(self._restart(channel))
        self._restarting[channel] = task
        task.add_done_callback(lambda _: self._restarting.pop(channel, None))

    async def _restart(self, channel: Channel) -> None:
        try:
            info = await self._storage.restart(channel.address, new_epoch())
        except StorageError as error:
            # Whoever meets the loss next begins again.
            log.warning("a lost stream can't go on yet", reason=str(error))
            return
        except Exception:
            # The task's edge.
            log.exception("restarting a stream failed", channel=channel.address.path)
            self._metrics.internal_error("streams")
            return
        if self.hub.holds(channel):
            self.adopt([info])

    def adopt(self, infos: Sequence[StreamInfo]) -> None:
        """Know streams that came into sight, or that go on under another epoch."""
        for info in infos:
            channel = self.hub.known(info.address)
            if channel is None:
                self.adopted.append(self.hub.load_one(info))
                continue
            before = channel.epoch, channel.last_seq
            # A stream that came into sight with all its positions has lost none.
            shorter = info.last_seq < channel.last_seq
            channel.adopt(info)
            channel.stamp(self.hub.durability)
            if (channel.epoch, channel.last_seq) != before:
                channel.ids.forget_stored()
                self.adopted.append(channel)
                if shorter or channel in self._restarting:
                    self._metrics.stream_lost()
                self._announce(channel, *before)
                for wake in channel.watchers:
                    wake()

    def _announce(self, channel: Channel, epoch: str, seq: int) -> None:
        log.warning("a stream goes on in a new epoch", channel=channel.address.path)
        self._tick.start()
        payload = {
            "event": "stream",
            "room": channel.address.name,
            "channel": channel.address.channel,
            "before": {"epoch": epoch, "seq": seq},
            "now": {"epoch": channel.epoch, "seq": channel.last_seq},
        }
        for binary, subscribers in ((False, channel.text), (True, channel.binary)):
            if subscribers:
                chunk = notice_chunk(self._tick, payload, binary=binary)
                for subscriber in tuple(subscribers):
                    subscriber.send(chunk)
