"""Whatever workers, time and crashes do: no task is lost, doubled or settled without a reason."""

from __future__ import annotations

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from arqonbus.groups.memory import replay, restored, whole
from arqonbus.groups.records import Acked, AnyRecord, Dead, Handed, Lost, Nacked, Terms, Whole
from arqonbus.groups.state import GroupState
from arqonbus.groups.tasks import Task, Verdict

TERMS = Terms(visibility=30, max_attempts=3, dead_letter="dead")
NAME = ("r", "c", "g")
LABEL = {"room": "r", "channel": "c", "group": "g"}
NAMES = st.sampled_from(["a", "b", "c"])
_decode = msgspec.json.Decoder(AnyRecord).decode


class Groups(RuleBasedStateMachine):
    """Plays a group with its journal; `done` says why each settled position is settled."""

    def __init__(self) -> None:
        super().__init__()
        self.state = GroupState("e", 0, TERMS.max_attempts)
        self.journal: list[bytes] = [msgspec.json.encode(whole(NAME, TERMS, self.state))]
        self.now = 0
        self.newest = 0
        self.out: list[Task] = []
        self.attempts: dict[int, int] = {}
        self.done: dict[int, str] = {}

    def record(self, record: AnyRecord) -> None:
        self.journal.append(msgspec.json.encode(record))

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        self.newest += count

    @rule(name=NAMES, credit=st.integers(1, 3))
    def join(self, name: str, credit: int) -> None:
        if name not in self.state.workers:
            self.state.join(name, credit)

    @rule(name=NAMES)
    def leave(self, name: str) -> None:
        if name in self.state.workers:
            self.state.leave(name, self.now)

    @rule(sent=st.booleans())
    def hand_out(self, sent: bool) -> None:
        tasks = self.state.take(self.now)
        self.state.offer(min(self.newest, self.state.position + self.state.free))
        tasks += self.state.take(self.now)
        self.deliver(tasks, sent=sent)

    def deliver(self, tasks: list[Task], *, sent: bool) -> None:
        for task in tasks:
            assert task.seq not in self.done
            assert task.attempt == self.attempts.get(task.seq, 0) + 1 <= TERMS.max_attempts
        if not tasks:
            return
        if not sent:  # the store refused to record the attempts
            for task in tasks:
                self.state.undo(task, self.now)
            return
        handed = [(task.seq, task.attempt) for task in tasks]
        self.record(Handed(**LABEL, epoch="e", tasks=handed))
        for task in tasks:
            self.state.out(task, self.now, self.now + TERMS.visibility)
            self.attempts[task.seq] = task.attempt
        self.out += tasks

    @rule(name=NAMES, idle=st.integers(0, 40))
    def claim(self, name: str, idle: int) -> None:
        if name in self.state.workers:
            self.deliver(self.state.claim(name, idle, 9, self.now), sent=True)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), stored=st.booleans(), back=st.booleans())
    def answer(self, data: st.DataObject, stored: bool, back: bool) -> None:
        task = data.draw(st.sampled_from(self.out))
        verdict = self.state.judge(task.seq, task.worker)
        assert (verdict is Verdict.SETTLED) == (task.seq in self.done)
        if verdict is not Verdict.HELD:
            return
        self.state.settling([task.seq])
        record: AnyRecord
        if back:
            record = Nacked(**LABEL, epoch="e", seqs=[task.seq], not_before=self.now + 7)
        else:
            record = Acked(**LABEL, epoch="e", seqs=[task.seq])
        if not stored:
            self.state.unsettle([task.seq], self.now)
            return
        self.record(record)
        replay(self.state, record)
        if not back:
            self.done[task.seq] = "acked"

    @rule(microseconds=st.integers(1, 40))
    def wait(self, microseconds: int) -> None:
        self.now += microseconds
        self.state.expire(self.now)

    @rule()
    def bury(self) -> None:
        for seq, attempts in tuple(self.state.spent.items()):
            assert attempts == self.attempts[seq] == TERMS.max_attempts
            record = Dead(**LABEL, epoch="e", seq=seq)
            self.record(record)
            replay(self.state, record)
            self.done[seq] = "dead"

    @rule(count=st.integers(1, 4))
    def lose(self, count: int) -> None:
        first, last = self.state.floor + 1, min(self.newest, self.state.floor + count)
        if last < first:
            return
        record = Lost(**LABEL, epoch="e", first=first, last=last)
        self.record(record)
        replay(self.state, record)
        for seq in range(first, last + 1):
            self.done.setdefault(seq, "lost")

    @rule()
    def compact(self) -> None:
        self.journal = [msgspec.json.encode(whole(NAME, TERMS, self.state))]

    @rule()
    def crash(self) -> None:
        first = _decode(self.journal[0])
        assert isinstance(first, Whole)
        self.state = restored(first)
        for body in self.journal[1:]:
            replay(self.state, _decode(body))

    @invariant()
    def books_balance(self) -> None:
        state = self.state
        assert state.balanced
        assert state.counts.offered == state.position
        for why in ("acked", "dead", "lost"):
            assert getattr(state.counts, why) == list(self.done.values()).count(why)

    @invariant()
    def every_position_is_in_one_place(self) -> None:
        state = self.state
        places = [*state.held, *state.waiting, *state.spent]
        assert len(places) == len(set(places))
        unsettled = {s for s in range(1, state.position + 1) if s not in self.done}
        assert set(places) == unsettled
        assert all(s > state.floor and s not in state.settled for s in places)

    @invariant()
    def nobody_holds_more_than_was_asked_for(self) -> None:
        for name, worker in self.state.workers.items():
            loads = sum(held.worker == name for held in self.state.held.values())
            assert loads == worker.load <= worker.credits


TestGroups = Groups.TestCase
