"""XTRIM left an entry behind in a stream of which a refused commit had been taken back before, and
the stream was taken for damaged.
"""

from __future__ import annotations

from conformance.storage import append, commit, read
from support.redis_store import fresh_prefix, store
from support.valkey import Valkey

from arqonbus.storage.retention import Retention


async def test_retention_and_commits_that_are_taken_back(valkey: Valkey) -> None:
    storage = store(valkey, Retention(5, 10**6), prefix=fresh_prefix())
    await storage.open()
    for after, count in ((0, 1), (1, 4), (1, 2), (3, 4), (3, 2)):
        await commit(storage, [append([b"x"] * count, after=after)])
    page = await read(storage)
    assert [m.seq for m in page.messages] == [3, 4, 5]
    await storage.close()
