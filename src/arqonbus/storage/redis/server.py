"""Looking at the server: is it one that can be used, the same as before, and at which level."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from arqonbus.errors import StorageError
from arqonbus.model.durability import Durability
from arqonbus.storage.redis.attest import CONFIG, INFO, Attestation, judge, parse_config, parse_info
from arqonbus.storage.redis.link import Link

_OLDEST = 7


class Server:
    """Attests the level from INFO each time, and from CONFIG each `interval` seconds.

    `suspect` says that streams may have changed by themselves: the server was started anew, or the
    interval is over; who has looked at them clears it.
    """

    def __init__(
        self, link: Link, replicas: int, interval: float, clock: Callable[[], float]
    ) -> None:
        """`replicas` is how many must confirm each commit, 0 when none is asked."""
        self.suspect = False
        self._link = link
        self._replicas = replicas
        self._interval = interval
        self._clock = clock
        self._config: Mapping[str, str] | StorageError = {}
        self._next = clock()
        self._run = ""
        self._last = Attestation(Durability.MEMORY, "")
        self._short: Attestation | None = None
        self._short_until = 0.0

    @property
    def run(self) -> str:
        """The server's id of its present run, as of the last look."""
        return self._run

    async def attest(self) -> Attestation:
        """The level that commits reach now.

        Raises:
            StorageError: the server can't be asked, or not be used.
        """
        now = self._clock()
        due = now >= self._next
        replies = await self._link.ask(INFO, *[CONFIG] * due)
        info = replies[0] if isinstance(replies[0], StorageError) else parse_info(replies[0])
        if not isinstance(info, StorageError):
            self._check(info)
        if due:
            config = replies[1]
            self._config = config if isinstance(config, StorageError) else parse_config(config)
            self._next = now + self._interval
            self.suspect = True
        proven = self._last.level >= Durability.DISK
        found = judge(info, self._config, self._replicas, proven=proven)
        if self._short is not None and now < self._short_until:
            found = min(found, self._short, key=lambda one: one.level)
        self._last = found
        return found

    def fell_short(self, confirmed: int, *, hold: bool) -> Attestation:
        """What a commit is worth that too few replicas confirmed. With `hold` it stays like this
        for an interval, so that the level does not rise and fall with each commit.
        """
        reason = (
            f"{confirmed} replicas took a commit in time, redis.replicas wants {self._replicas}"
        )
        self._last = self._short = Attestation(Durability.DISK, reason)
        self._short_until = self._clock() + self._interval if hold else 0
        return self._short

    def _check(self, info: Mapping[str, str]) -> None:
        version = info.get("redis_version", "0")
        if int(version.partition(".")[0]) < _OLDEST:
            raise StorageError(f"the Redis server is too old ({version}): 7 or newer is needed")
        if info.get("loading") == "1":
            raise StorageError("the Redis server is still loading its data")
        if info.get("role") != "master":
            raise StorageError("the Redis server is a replica and takes no writes")
        run = info.get("run_id", "")
        self.suspect = self.suspect or run != self._run
        self._run = run
