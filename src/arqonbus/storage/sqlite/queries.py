"""What is asked of the tables; each within a transaction of its caller."""

from __future__ import annotations

import sqlite3

from arqonbus.errors import StorageError
from arqonbus.model.address import Address
from arqonbus.model.stream import StreamInfo
from arqonbus.storage.interface import Page, StoredKey, StoredMessage

INFO = "SELECT id, room, channel, epoch, first_seq, last_seq, size, last_timestamp FROM channels"


def of_row(row: tuple[int, str, str, str, int, int, int, int]) -> tuple[int, StreamInfo]:
    """A row of `INFO`: the channel's number in this file, and its stream."""
    channel_id, room, channel, epoch, first, last, size, timestamp = row
    return channel_id, StreamInfo(Address(room, channel), epoch, first, last, size, timestamp)


def ensure_channel(connection: sqlite3.Connection, address: Address, epoch: str) -> None:
    """Make the channel unless it is there."""
    connection.execute(
        "INSERT INTO channels (room, channel, epoch, first_seq, last_seq, size, last_timestamp)"
        " VALUES (?, ?, ?, 1, 0, 0, 0) ON CONFLICT DO NOTHING",
        (*address, epoch),
    )


def info_of(connection: sqlite3.Connection, address: Address) -> tuple[int, StreamInfo] | None:
    """A channel's number and stream; None when there is no such channel."""
    row = connection.execute(f"{INFO} WHERE room = ? AND channel = ?", address).fetchone()
    return None if row is None else of_row(row)


def page(  # noqa: PLR0913, PLR0917 - `Storage.read` and its connection
    connection: sqlite3.Connection,
    address: Address,
    after: int,
    through: int,
    limit: int,
    max_bytes: int,
) -> Page | None:
    """See `Storage.read`."""
    found = info_of(connection, address)
    if found is None:
        return None
    channel_id, info = found
    messages: list[StoredMessage] = []
    size = 0
    expected = max(after + 1, info.first_seq)
    more = False
    for seq, timestamp, body in connection.execute(
        "SELECT seq, timestamp, body FROM messages WHERE channel_id = ? AND seq > ? AND seq <= ?"
        " ORDER BY seq LIMIT ?",
        (channel_id, after, through, limit),
    ):
        if seq != expected:
            raise StorageError(f"{address}: position {expected} is missing in the store")
        if messages and size + len(body) > max_bytes:
            more = True
            break
        messages.append(StoredMessage(seq, timestamp, body))
        size += len(body)
        expected += 1
    end = min(through, info.last_seq)
    last = messages[-1].seq if messages else max(after, info.first_seq - 1)
    if not more and last < end and len(messages) < limit:
        raise StorageError(f"{address}: position {expected} is missing in the store")
    return Page(tuple(messages), info, more=last < end)


def before(
    connection: sqlite3.Connection, channel_id: int, info: StreamInfo, timestamp: int
) -> int:
    """The last position with a commit time before `timestamp`, by bisection: times never fall."""
    low, high = info.first_seq, info.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(
            "SELECT timestamp FROM messages WHERE channel_id = ? AND seq = ?", (channel_id, middle)
        ).fetchone()
        if found is None:
            raise StorageError(f"{info.address}: position {middle} is missing in the store")
        if found[0] < timestamp:
            low = middle + 1
        else:
            high = middle
    return low - 1


def drop_beyond(connection: sqlite3.Connection, channel_id: int, after: int) -> int:
    """Remove positions above `after`; how many bytes went."""
    gone = connection.execute(
        "SELECT coalesce(sum(length(body)), 0) FROM messages WHERE channel_id = ? AND seq > ?",
        (channel_id, after),
    ).fetchone()[0]
    connection.execute("DELETE FROM messages WHERE channel_id = ? AND seq > ?", (channel_id, after))
    return int(gone)


def drop_through(
    connection: sqlite3.Connection, channel_id: int, info: StreamInfo, last: int
) -> int:
    """Remove positions up to `last`; how many went."""
    if last < info.first_seq:
        return 0
    gone = connection.execute(
        "SELECT coalesce(sum(length(body)), 0) FROM messages WHERE channel_id = ? AND seq <= ?",
        (channel_id, last),
    ).fetchone()[0]
    connection.execute("DELETE FROM messages WHERE channel_id = ? AND seq <= ?", (channel_id, last))
    connection.execute(
        "UPDATE channels SET first_seq = ?, size = size - ? WHERE id = ?",
        (last + 1, gone, channel_id),
    )
    return last - info.first_seq + 1


def newest_keys(connection: sqlite3.Connection, address: Address, limit: int) -> list[StoredKey]:
    """See `Storage.newest_keys`."""
    rows = connection.execute(
        "SELECT seq, key, body FROM messages WHERE key IS NOT NULL AND channel_id ="
        " (SELECT id FROM channels WHERE room = ? AND channel = ?) ORDER BY seq DESC LIMIT ?",
        (*address, limit),
    )
    return [StoredKey(*row) for row in rows][::-1]
