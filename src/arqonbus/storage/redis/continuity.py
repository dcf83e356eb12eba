"""Whether the server may have come back without its newest messages while no bus looked.

A bus knows where each stream ends, and finds one that ends before that. A bus that was just started
does not: it would give positions that were taken, in the same epoch, to other messages. So each run
notes on which run of the server it wrote, and whether that server keeps what it took.
"""

from __future__ import annotations

from arqonbus.model.durability import Durability
from arqonbus.storage.redis.owner import Owner
from arqonbus.storage.redis.owning import NOTE
from arqonbus.storage.redis.target import Target


class Continuity:
    """What is noted beside the owner's token."""

    def __init__(self, owner: Owner, target: Target) -> None:
        self._owner = owner
        # Behind a Sentinel or in a Cluster another server may stand in, without the newest ones.
        self._one_server = target.kind in {"server", "socket"}
        self._noted = ("", "")

    async def broken(self, run: str) -> bool:
        """Whether messages may be gone that a bus before this one knew.

        Raises:
            StorageError: the server can't be asked.
        """
        async with self._owner.lock:
            before, keeps = (part.decode() for part in (await self._owner.run(NOTE, (), ()))[0])
        return before not in ("", run) and keeps != "1"

    async def note(self, run: str, level: Durability) -> None:
        """Note what is true from now on, unless it is noted already.

        Raises:
            StorageError: it is not noted.
        """
        sure = level == Durability.REPLICATED or (level == Durability.DISK and self._one_server)
        now = (run, "1" if sure else "0")
        if now != self._noted:
            async with self._owner.lock:
                await self._owner.run(NOTE, (), now)
            self._noted = now
