"""One consumer group: what workers ask of it. Handing out is the pump's part."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from arqonbus.bus.journal import stored
from arqonbus.errors import ArqonBusError, conflict
from arqonbus.groups.memory import Name, replay, whole
from arqonbus.groups.notes import Notes
from arqonbus.groups.records import Acked, Handed, Nacked
from arqonbus.groups.tasks import Task, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from arqonbus.bus.clock import Clock
    from arqonbus.bus.journal import Journal
    from arqonbus.groups.records import Terms
    from arqonbus.groups.state import GroupState
    from arqonbus.model.principal import Principal
    from arqonbus.routing.hub import Channel, Done


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a worker's answer: done now, settled before, or not this worker's to say."""

    done: tuple[int, ...]
    settled: tuple[int, ...]
    refused: tuple[int, ...]


class Recipient(Protocol):
    """A connection that is a worker of the group."""

    client_id: str
    principal: Principal

    def send_json(self, text: bytes) -> bool:
        """Queue one envelope given as JSON; False when it can't be taken any more."""
        ...

    def has_room(self) -> bool:
        """Whether its outbox can take more at leisure."""
        ...

    def notice(self, payload: dict[str, object]) -> None:
        """Tell news of the server."""
        ...


class Group:
    """A group with its workers. `handed` is what was recorded and is to be sent to its worker;
    `wake` tells the pump that there is something to do, `failed` that the store refused something.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the whole wiring, done once in the engine
        self,
        name: Name,
        channel: Channel,
        terms: Terms,
        state: GroupState,
        journal: Journal,
        clock: Clock,
        base: int = 0,
    ) -> None:
        self.name = name
        self.channel = channel
        self.terms = terms
        self.state = state
        self.clock = clock
        self.notes = Notes(journal, lambda: whole(name, terms, state), base)
        self.peers: dict[str, Recipient] = {}
        self.handed: list[Task] = []
        self.failed = False
        self.deleted = False
        self.wake = asyncio.Event()

    @property
    def whose(self) -> dict[str, str]:
        """The names that every record begins with."""
        room, channel, group = self.name
        return {"room": room, "channel": channel, "group": group}

    @property
    def label(self) -> dict[str, str]:
        """The names that every answer begins with: as clients know them."""
        return self.whose | {"room": self.channel.address.name}

    def join(self, peer: Recipient, credit: int) -> None:
        """Hand out to `peer` from now on, up to `credit` tasks at a time.

        Raises:
            ArqonBusError: CONFLICT when it has joined already, or the group is being deleted.
        """
        if self.deleted:
            raise conflict(f"group {self.name[2]} is being deleted")
        if peer.client_id in self.peers:
            raise conflict(f"group {self.name[2]} is joined already; leave it to change credits")
        self.peers[peer.client_id] = peer
        self.state.join(peer.client_id, credit)
        self.wake.set()

    def leave(self, client_id: str) -> None:
        """Hand out no more to this worker; what it had is due for the others."""
        del self.peers[client_id]
        self.state.leave(client_id, self.clock())
        self.wake.set()

    def changed(self) -> None:
        """The channel has something new, which only matters if there is somebody to have it."""
        if self.peers or self.channel.epoch != self.state.epoch:
            self.wake.set()

    async def ack(self, client_id: str, seqs: Sequence[int], epoch: str) -> Outcome:
        """Settle what this worker holds of `seqs`; recorded when it returns.

        Raises:
            ArqonBusError: CONFLICT for another epoch or when nothing of it could be settled.
            StorageError: nothing was recorded, and all is as it was.
        """
        outcome = self._judged(client_id, seqs, epoch)
        if outcome.done:
            acked = Acked(**self.whose, epoch=epoch, seqs=list(outcome.done))
            await self._settle(acked, outcome.done)
        return outcome

    async def nack(self, client_id: str, seqs: Sequence[int], epoch: str, delay: int) -> Outcome:
        """Give back what this worker holds of `seqs`, for others after `delay` (µs); as `ack`."""
        outcome = self._judged(client_id, seqs, epoch)
        if outcome.done:
            not_before = self.clock() + delay
            nacked = Nacked(
                **self.whose, epoch=epoch, seqs=list(outcome.done), not_before=not_before
            )
            await self._settle(nacked, outcome.done)
        return outcome

    async def claim(self, client_id: str, min_idle: int, limit: int) -> Sequence[int]:
        """Take over what others have had for `min_idle` (µs); it is sent as tasks.

        Raises:
            StorageError: nothing was taken over.
        """
        now = self.clock()
        tasks = self.state.claim(client_id, min_idle, limit, now)
        if tasks:
            await stored(lambda told: self.hand(tasks, told))
        return [task.seq for task in tasks]

    def hand(self, tasks: Sequence[Task], done: Done | None = None) -> None:
        """Record attempts; then the pump sends them. If that fails they were none."""

        def told(result: int | ArqonBusError) -> None:
            if isinstance(result, ArqonBusError):
                self.failed = True
                for task in tasks:
                    self.state.undo(task, self.clock())
            else:
                self.handed += tasks
            # First whoever waits for it, so that the answer to a claim precedes its tasks.
            if done is not None:
                done(result)
            self.wake.set()

        handed = [(task.seq, task.attempt) for task in tasks]
        self.notes.write(Handed(**self.whose, epoch=self.state.epoch, tasks=handed), told)

    def report(self) -> dict[str, object]:
        """The group's figures."""
        state = self.state
        return {
            **self.label,
            "epoch": state.epoch,
            "floor": state.floor,
            "offered_through": state.position,
            "newest": self.channel.last_seq,
            "in_flight": len(state.held),
            "waiting": len(state.waiting) + len(state.spent),
            "workers": len(self.peers),
            **asdict(state.counts),
            "balanced": state.balanced,
            "visibility_timeout": self.terms.visibility / 1e6,
            "max_attempts": self.terms.max_attempts,
            "dead_letter": self.terms.dead_letter,
        }

    def _judged(self, client_id: str, seqs: Sequence[int], epoch: str) -> Outcome:
        if epoch != self.state.epoch or epoch != self.channel.epoch:
            raise conflict(f"the stream's epoch is {self.channel.epoch}, tasks of {epoch} are void")
        by: dict[Verdict, list[int]] = {verdict: [] for verdict in Verdict}
        for seq in dict.fromkeys(seqs):
            by[self.state.judge(seq, client_id)].append(seq)
        done, settled, refused = (
            tuple(by[v]) for v in (Verdict.HELD, Verdict.SETTLED, Verdict.REFUSED)
        )
        if refused and not (done or settled):
            raise conflict(f"this worker does not hold {_listed(refused)}, or no longer")
        return Outcome(done, settled, refused)

    async def _settle(self, record: Acked | Nacked, seqs: tuple[int, ...]) -> None:
        self.state.settling(seqs)

        def write(told: Done) -> None:
            def done(result: int | ArqonBusError) -> None:
                if not isinstance(result, ArqonBusError):
                    replay(self.state, record)
                elif self.state.epoch == record.epoch:
                    self.state.unsettle(seqs, self.clock())
                self.wake.set()
                told(result)

            self.notes.write(record, done)

        await stored(write)
        if self.state.epoch != record.epoch:
            raise conflict(f"{self.channel.address} began a new epoch meanwhile")


def _listed(seqs: Sequence[int], most: int = 20) -> str:
    more = f" and {len(seqs) - most} more" if len(seqs) > most else ""
    return ", ".join(map(str, seqs[:most])) + more
