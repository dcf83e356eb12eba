"""A store on SQLite that is used and killed."""

from __future__ import annotations

import threading

import pytest
from conformance.storage import ADDRESS, EPOCH, commit

from arqonbus.model.address import Address
from arqonbus.storage.interface import ChannelAppend
from arqonbus.storage.sqlite.journal import Journal
from arqonbus.storage.sqlite.store import SqliteStorage


async def add(
    storage: SqliteStorage, after: int, *bodies: bytes, address: Address = ADDRESS
) -> None:
    """Append without a read before it, which would have the tables take everything."""
    await commit(storage, [ChannelAppend(address, EPOCH, after, 1, list(bodies))])


async def held(storage: SqliteStorage, address: Address = ADDRESS) -> list[tuple[int, bytes]]:
    page = await storage.read(address, after=0, through=2**53, limit=10**6, max_bytes=10**9)
    assert page is not None
    return [(message.seq, message.body) for message in page.messages]


async def killed(storage: SqliteStorage) -> None:
    """Let go of the files as a process does that is killed: nothing is put into the tables."""
    storage._ahead = None
    await storage.close()


class Gate:
    """Holds the journal's writes until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        write = Journal.write

        def held_back(journal: Journal, generation: int, offset: int, record: bytes) -> None:
            self.reached.set()
            self.opened.wait()
            write(journal, generation, offset, record)

        patch.setattr(Journal, "write", held_back)


def refusing(patch: pytest.MonkeyPatch, *, part: float) -> None:
    """The journal refuses, and the disk has this part of the record all the same."""
    write = Journal.write

    def refused(journal: Journal, generation: int, offset: int, record: bytes) -> None:
        write(journal, generation, offset, record[: int(len(record) * part)])
        raise OSError(5, "Input/output error")

    patch.setattr(Journal, "write", refused)
