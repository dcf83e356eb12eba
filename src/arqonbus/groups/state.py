"""One group's tasks: what is settled, who holds what, what waits. Pure state, no I/O.

Every position up to `position` was offered and is in one place: settled (acknowledged, dead or
lost), held by a worker, waiting to be handed out, or spent (waiting to become a dead letter).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from arqonbus.bus.timetable import Timetable
from arqonbus.groups.ranges import Ranges
from arqonbus.groups.tasks import Counts, Held, Stage, Task, Verdict, Waiting, Worker


@dataclass(slots=True)
class GroupState:
    """`floor` is the last position before which, and with which, all is settled."""

    epoch: str
    floor: int
    max_attempts: int
    position: int = 0
    settled: Ranges = field(default_factory=Ranges)
    held: dict[int, Held] = field(default_factory=dict)
    waiting: dict[int, Waiting] = field(default_factory=dict)
    spent: dict[int, int] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    _due: Timetable[int] = field(init=False)
    _deadlines: Timetable[int] = field(init=False)
    _turn: int = 0

    def __post_init__(self) -> None:
        self.position = max(self.position, self.floor)
        self._due = Timetable(self._due_at)
        self._deadlines = Timetable(self._expires_at)

    # --- what can be asked ---

    @property
    def unsettled(self) -> int:
        """How many offered positions are not settled."""
        return len(self.held) + len(self.waiting) + len(self.spent)

    @property
    def balanced(self) -> bool:
        """Whether every position offered is accounted for."""
        counts = self.counts
        return counts.offered == counts.acked + counts.dead + counts.lost + self.unsettled

    @property
    def free(self) -> int:
        """How many tasks the workers can take now."""
        return sum(worker.able for worker in self.workers.values())

    def next_time(self) -> int | None:
        """When something happens by itself: a deadline, or a delay that ends while somebody could
        take the task.
        """
        times = (self._deadlines.next(), self._due.next() if self.free > 0 else None)
        return min((time for time in times if time is not None), default=None)

    def judge(self, seq: int, worker: str) -> Verdict:
        """Whether `worker` may settle `seq`."""
        if seq <= self.floor or seq in self.settled:
            return Verdict.SETTLED
        held = self.held.get(seq)
        holds = held is not None and held.worker == worker and held.stage is Stage.OUT
        return Verdict.HELD if holds else Verdict.REFUSED

    # --- workers ---

    def join(self, name: str, credit: int) -> None:
        """A new worker that may hold `credit` tasks."""
        self.workers[name] = Worker(credit)

    def leave(self, name: str, now: int) -> None:
        """A worker is gone: what it had is due for the others, but for what is being settled."""
        self.workers.pop(name, None)
        for seq, held in tuple(self.held.items()):
            if held.worker == name and held.stage is not Stage.SETTLING:
                self._release(seq, now, counted=held.stage is Stage.OUT)

    # --- handing out ---

    def offer(self, through: int) -> None:
        """The positions up to `through` are there to be handed out."""
        for seq in range(self.position + 1, through + 1):
            self._wait(seq, 0, 0)
        self.counts.offered += max(0, through - self.position)
        self.position = max(self.position, through)

    def take(self, now: int) -> list[Task]:
        """Hand out what is due, oldest first, each to the worker with the least to do."""
        tasks = []
        while (name := self._freest()) is not None:
            seq = self._due.pop(now)
            if seq is None:
                break
            tasks.append(self._hand(seq, name, self.waiting.pop(seq).attempts, now))
        return tasks

    def claim(self, name: str, min_idle: int, limit: int, now: int) -> list[Task]:
        """Hand `name` what others have had for `min_idle` (µs) or longer, the longest first."""
        worker = self.workers[name]
        idle = sorted(
            (held.since, seq)
            for seq, held in self.held.items()
            if held.worker != name
            and held.stage is Stage.OUT
            and held.attempts < self.max_attempts
            and now - held.since >= min_idle
        )
        tasks = []
        for _, seq in idle[: min(limit, worker.credits - worker.load)]:
            tasks.append(self._hand(seq, name, self._let_go(seq).attempts, now))
        return tasks

    def handing(self, task: Task) -> bool:
        """Whether this task is still to be sent to its worker."""
        held = self.held.get(task.seq)
        return (
            held is not None
            and held.stage is Stage.HANDING
            and (held.worker, held.attempts) == task[1:]
        )

    def out(self, task: Task, now: int, deadline: int) -> None:
        """The worker has it."""
        held = self.held[task.seq]
        held.stage, held.since, held.deadline = Stage.OUT, now, deadline
        self._deadlines.add(deadline, task.seq)

    def undo(self, task: Task, now: int) -> None:
        """It never came to its worker: the attempt does not count."""
        if self.handing(task):
            self._release(task.seq, now, counted=False)

    def expire(self, now: int) -> int:
        """Take back what workers have had too long; how many that were."""
        count = 0
        while (seq := self._deadlines.pop(now)) is not None:
            self._release(seq, now, counted=True)
            count += 1
        return count

    # --- settling ---

    def settling(self, seqs: Iterable[int]) -> None:
        """The worker's answer for these is being recorded."""
        for seq in seqs:
            self.held[seq].stage = Stage.SETTLING

    def unsettle(self, seqs: Iterable[int], now: int) -> None:
        """The answer could not be recorded: the task is where it was."""
        for seq in seqs:
            held = self.held.get(seq)
            if held is None or held.stage is not Stage.SETTLING:
                continue
            held.stage = Stage.OUT
            if held.worker in self.workers:
                self._deadlines.add(held.deadline, seq)
            else:
                self._release(seq, now, counted=True)

    def ack(self, seqs: Iterable[int]) -> None:
        """These are done."""
        for seq in seqs:
            self.counts.acked += self._close(seq)

    def nack(self, seqs: Iterable[int], not_before: int) -> None:
        """These are to be done again, not before a time."""
        for seq in seqs:
            if seq in self.held:
                self._requeue(seq, self._let_go(seq).attempts, not_before)
            elif seq in self.waiting:
                self._requeue(seq, self.waiting.pop(seq).attempts, not_before)

    def bury(self, seq: int) -> None:
        """This one is a dead letter now."""
        self.counts.dead += self._close(seq)

    def lose(self, first: int, last: int) -> None:
        """The stream no longer has these positions, so nobody can have them."""
        self.offer(first - 1)
        for seq in [s for s in self._unsettled() if first <= s <= last]:
            self.counts.lost += self._close(seq)
        if last > self.position:
            new = last - self.position
            self.counts.offered += new
            self.counts.lost += new
            self.settled.add(self.position + 1, last)
            self.position = last
            self._raise_floor()

    def restart(self, epoch: str, floor: int) -> int:
        """The stream goes on as another one after `floor`; how many tasks are lost with the old."""
        lost = self.unsettled
        self.counts.lost += lost
        for worker in self.workers.values():
            worker.load = 0
        self.held.clear()
        self.waiting.clear()
        self.spent.clear()
        self.settled = Ranges()
        self.epoch, self.floor, self.position = epoch, floor, floor
        return lost

    def recall(self, seq: int, attempts: int, not_before: int) -> None:
        """As a journal says: `seq` was handed out so often, and is not settled since."""
        self.offer(seq)
        if seq > self.floor and seq not in self.settled:
            self.waiting.pop(seq, None)
            self.spent.pop(seq, None)
            self._requeue(seq, attempts, not_before)

    def open_tasks(self) -> Iterator[tuple[int, int, int]]:
        """Position, attempts and earliest time of each unsettled task, as a restart finds it."""
        for seq, held in self.held.items():
            yield seq, held.attempts, 0
        for seq, waiting in self.waiting.items():
            yield seq, waiting.attempts, waiting.not_before
        for seq, attempts in self.spent.items():
            yield seq, attempts, 0

    # --- within ---

    def _unsettled(self) -> Iterator[int]:
        yield from self.held
        yield from self.waiting
        yield from self.spent

    def _due_at(self, seq: int) -> int | None:
        waiting = self.waiting.get(seq)
        return None if waiting is None else waiting.not_before

    def _expires_at(self, seq: int) -> int | None:
        held = self.held.get(seq)
        return None if held is None or held.stage is not Stage.OUT else held.deadline

    def _freest(self) -> str | None:
        able = [(w.load, w.turn, name) for name, w in self.workers.items() if w.able]
        return min(able)[2] if able else None

    def _hand(self, seq: int, name: str, attempts: int, now: int) -> Task:
        worker = self.workers[name]
        self._turn += 1
        worker.load, worker.turn = worker.load + 1, self._turn
        self.held[seq] = Held(name, attempts + 1, now)
        return Task(seq, name, attempts + 1)

    def _let_go(self, seq: int) -> Held:
        held = self.held.pop(seq)
        if held.worker in self.workers:
            self.workers[held.worker].load -= 1
        return held

    def _release(self, seq: int, now: int, *, counted: bool) -> None:
        held = self._let_go(seq)
        self._requeue(seq, held.attempts if counted else held.attempts - 1, now)

    def _requeue(self, seq: int, attempts: int, not_before: int) -> None:
        if attempts >= self.max_attempts:
            self.spent[seq] = attempts
        else:
            self._wait(seq, attempts, not_before)

    def _wait(self, seq: int, attempts: int, not_before: int) -> None:
        self.waiting[seq] = Waiting(attempts, not_before)
        self._due.add(not_before, seq)

    def _close(self, seq: int) -> bool:
        """Settle; False if it was."""
        self.offer(seq)
        if seq <= self.floor or seq in self.settled:
            return False
        if seq in self.held:
            self._let_go(seq)
        self.waiting.pop(seq, None)
        self.spent.pop(seq, None)
        self.settled.add(seq, seq)
        self._raise_floor()
        return True

    def _raise_floor(self) -> None:
        self.floor = self.settled.take_run_after(self.floor)
