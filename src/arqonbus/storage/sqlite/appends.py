"""Putting new messages into the tables; each within a transaction of its caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from arqonbus.model.address import Address
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import ChannelAppend, StreamLostError, UnusableStoreError
from arqonbus.storage.retention import Retention
from arqonbus.storage.sqlite.journal import Batch
from arqonbus.storage.sqlite.queries import drop_beyond, drop_through, ensure_channel, info_of
from arqonbus.storage.sqlite.schema import journal_of


def apply(
    connection: sqlite3.Connection, retention: Retention, generation: int, batches: Sequence[Batch]
) -> None:
    """Put a generation of the journal into the tables, unless they have it: a commit may come
    through and fail all the same.

    Raises:
        UnusableStoreError: it is not what follows there.
    """
    held, _ = journal_of(connection)
    if held >= generation:
        return
    runs: dict[Address, list[ChannelAppend]] = {}
    for batch in batches:
        for item in batch:
            runs.setdefault(item.address, []).append(item)
    for address, run in runs.items():
        found = info_of(connection, address)
        if found is None or (found[1].epoch, found[1].last_seq) != (run[0].epoch, run[0].after):
            raise UnusableStoreError(
                "the journal does not go on where the tables end", detail=address.path
            )
        put(connection, retention, run)
    connection.execute("UPDATE journal SET generation = ?", (generation,))


def put(
    connection: sqlite3.Connection, retention: Retention, run: Sequence[ChannelAppend]
) -> StreamLostError | None:
    """Put appends to one stream, each after the one before, into the tables."""
    address, epoch, after = run[0].address, run[0].epoch, run[0].after
    if after == 0:
        ensure_channel(connection, address, epoch)
    found = info_of(connection, address)
    if found is None or found[1].epoch != epoch or found[1].last_seq < after:
        return StreamLostError(f"{address}: the stream does not end at {after}")
    channel_id, info = found
    if info.last_seq > after:
        gone = drop_beyond(connection, channel_id, after)
        # Retention may have gone by what is taken back, and have removed all before it.
        first_left = min(info.first_seq, after + 1)
        info = replace(info, first_seq=first_left, last_seq=after, size=info.size - gone)
    rows = [
        (channel_id, seq, item.timestamp, body, item.keys.get(seq - item.after - 1))
        for item in run
        for seq, body in enumerate(item.bodies, item.after + 1)
    ]
    connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", rows)
    size = info.size + sum(len(body) for item in run for body in item.bodies)
    last, timestamp = after + len(rows), run[-1].timestamp
    connection.execute(
        "UPDATE channels SET first_seq = ?, last_seq = ?, size = ?, last_timestamp = ?"
        " WHERE id = ?",
        (info.first_seq, last, size, timestamp, channel_id),
    )
    if not retention.spares(address):
        kept = StreamInfo(address, epoch, info.first_seq, last, size, timestamp)
        _retain(connection, retention, channel_id, kept)
    return None


def _retain(
    connection: sqlite3.Connection, bounds: Retention, channel_id: int, info: StreamInfo
) -> None:
    last = max(info.first_seq - 1, info.last_seq - bounds.max_messages)
    if info.size > bounds.max_bytes:
        excess = info.size - bounds.max_bytes
        for seq, size in connection.execute(
            "SELECT seq, length(body) FROM messages WHERE channel_id = ? ORDER BY seq",
            (channel_id,),
        ):
            if excess <= 0:
                break
            excess -= size
            last = max(last, seq)
    drop_through(connection, channel_id, info, last)
