"""A channel into an archive and back, over a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import IO

from arqonbus.client.archive import ArchiveReader, ArchiveWriter, End, Header, Record
from arqonbus.client.client import Client
from arqonbus.client.errors import ClientError, RefusedError
from arqonbus.client.items import Message, Receipt
from arqonbus.client.replay import PAGE, pages

# Publishes under way at once.
WINDOW = 256

# Called with how many messages are done, and of how many.
Progress = Callable[[int, int], None]


class RepeatedIdError(ClientError):
    """Two messages of the archive have one id, which the bus would take for one; none was sent."""


class DifferentStreamError(ClientError):
    """The channel holds something else than the archive; nothing was changed."""


async def export_channel(
    client: Client, room: str, channel: str, file: IO[bytes], progress: Progress
) -> End:
    """Write all that the channel keeps at this moment into `file`.

    Raises:
        StreamBrokenError: retention or a new epoch took messages while they were read.
        RefusedError: the server refused it.
    """
    first = await client.history(room, channel, after=0, limit=client.history_page)
    header = Header(
        room=room,
        channel=channel,
        epoch=first.epoch,
        first_seq=first.first_seq,
        complete=first.complete,
    )
    writer = ArchiveWriter(file, header)
    total = first.last_seq - first.first_seq + 1
    async for message in pages(client.history, first, room, channel, client.history_page):
        writer.write(_record(message))
        if (message.seq - first.first_seq) % PAGE == 0:
            progress(message.seq - first.first_seq, total)
        if message.seq == first.last_seq:
            break
    progress(total, total)
    return writer.finish()


async def import_channel(  # noqa: PLR0913 - what, where to, and how fast
    client: Client,
    room: str,
    channel: str,
    file: IO[bytes],
    progress: Progress,
    *,
    window: int = WINDOW,
) -> int:
    """Publish an archive's messages into a channel, in order, under their own ids and times.

    A channel that holds the beginning of the same messages is continued, so that an import that
    broke off can simply be run again. Returns how many were published now. `file` must be seekable:
    it is verified whole before the first message is sent. Of several messages under way at once a
    rate of the bus may refuse some, which ends the import; a `window` of 1 goes through any.

    Raises:
        ArchiveError: the file is no whole archive.
        RepeatedIdError: two of its messages have one id, too close together for the bus.
        DifferentStreamError: the channel holds other messages.
        RefusedError: the server refused it.
    """
    total = _checked(file, max(client.dedup_window, window))
    file.seek(0)
    records = iter(ArchiveReader(file))
    there = await _compare(client, room, channel, records)
    done = there
    sent: deque[asyncio.Task[Receipt]] = deque()
    try:
        async with asyncio.TaskGroup() as group:
            for record in records:
                sent.append(group.create_task(_publish(client, room, channel, record)))
                if len(sent) == window:
                    done = _follows(await sent.popleft(), done)
                    if done % PAGE == 0:
                        progress(done, total)
            while sent:
                done = _follows(await sent.popleft(), done)
    except ExceptionGroup as failed:
        # The first tells why; those under way behind it failed with it.
        raise failed.exceptions[0] from failed
    progress(done, total)
    return done - there


async def compare_channel(
    client: Client, room: str, channel: str, file: IO[bytes], progress: Progress
) -> int:
    """Compare an archive with what the channel keeps; how many messages were compared.

    Positions that retention has removed from the channel since are passed over.

    Raises:
        ArchiveError: the file is no whole archive.
        DifferentStreamError: with the first position that differs.
        RefusedError: the server refused it.
    """
    total = sum(1 for _ in ArchiveReader(file))
    file.seek(0)
    reader = ArchiveReader(file)
    begin = reader.header.first_seq - 1
    first = await client.history(room, channel, after=begin, limit=client.history_page)
    if first.epoch != reader.header.epoch:
        raise DifferentStreamError(
            f"the channel's epoch is {first.epoch}, the archive's {reader.header.epoch}: the"
            " archived stream is gone"
        )
    stored = pages(client.history, first, room, channel, client.history_page)
    compared = 0
    for record in reader:
        if record.seq < first.first_seq:
            continue
        found = await anext(stored, None)
        if found is None or _record(found) != record:
            raise DifferentStreamError(f"position {record.seq} is not what the archive holds")
        compared += 1
        if compared % PAGE == 0:
            progress(compared, total)
    progress(compared, total)
    return compared


def _checked(file: IO[bytes], window: int) -> int:
    """How many messages there are, none of them with an id of the `window` before it."""
    count = 0
    seen: dict[str, int] = {}
    for record in ArchiveReader(file):
        first = seen.get(record.id)
        if first is not None:
            raise RepeatedIdError(
                f"positions {first} and {record.seq} both have the id {record.id!r}, of two"
                " publishers perhaps: sent by one they would be taken for one message"
            )
        seen[record.id] = record.seq
        if len(seen) > window:
            del seen[next(iter(seen))]
        count += 1
    return count


async def _compare(client: Client, room: str, channel: str, records: Iterator[Record]) -> int:
    """Take from `records` what the channel holds already; how many that are."""
    try:
        page = await client.history(room, channel, after=0, limit=client.history_page)
    except RefusedError as error:
        if error.code == "NOT_FOUND":
            return 0
        raise
    if page.first_seq > 1:
        raise DifferentStreamError("the channel's beginning is gone: import into a new channel")
    count = 0
    async for message in pages(client.history, page, room, channel, client.history_page):
        record = next(records, None)
        if record is None or not _same(message, record):
            raise DifferentStreamError(
                f"position {message.seq} of {room}:{channel} holds another message than the"
                " archive: import into a new channel"
            )
        count += 1
    return count


async def _publish(client: Client, room: str, channel: str, record: Record) -> Receipt:
    return await client.publish(
        room,
        channel,
        record.payload,
        id=record.id,
        timestamp=record.timestamp,
        metadata=record.metadata,
    )


def _follows(receipt: Receipt, done: int) -> int:
    if receipt.seq != done + 1:
        raise DifferentStreamError(
            f"a message got position {receipt.seq} instead of {done + 1}: somebody else publishes"
            " to the channel"
        )
    return done + 1


def _same(message: Message, record: Record) -> bool:
    fields = ("id", "timestamp", "payload", "metadata")
    return all(getattr(message, name) == getattr(record, name) for name in fields)


def _record(message: Message) -> Record:
    return Record(
        seq=message.seq,
        id=message.id,
        timestamp=message.timestamp,
        sender=message.sender,
        payload=message.payload,
        metadata=message.metadata,
        stored_at=message.stored_at,
    )
