"""A group's state: examples of each rule."""

from __future__ import annotations

from arqonbus.groups.state import GroupState
from arqonbus.groups.tasks import Stage, Task, Verdict


def group(*workers: str, credit: int = 2, offered: int = 4, attempts: int = 3) -> GroupState:
    state = GroupState("e1", 0, attempts)
    for name in workers:
        state.join(name, credit)
    state.offer(offered)
    return state


def taken(state: GroupState, now: int = 0, deadline: int = 100) -> list[Task]:
    tasks = state.take(now)
    for task in tasks:
        state.out(task, now, deadline)
    return tasks


def test_tasks_go_in_order_to_whoever_has_least_and_never_beyond_the_credits() -> None:
    state = group("a", "b", offered=9)
    assert taken(state) == [(1, "a", 1), (2, "b", 1), (3, "a", 1), (4, "b", 1)]
    assert state.free == 0
    state.ack([2])
    assert taken(state) == [(5, "b", 1)]


def test_settling_raises_the_floor_over_what_is_done_without_a_hole() -> None:
    state = group("a", credit=4)
    taken(state)
    state.ack([3, 2])
    assert (state.floor, list(state.settled)) == (0, [(2, 3)])
    state.ack([1, 1])
    assert (state.floor, list(state.settled), state.counts.acked) == (3, [], 3)
    assert state.judge(2, "a") is Verdict.SETTLED


def test_what_is_not_acknowledged_in_time_goes_to_others_with_another_attempt() -> None:
    state = group("a", credit=1, offered=1)
    taken(state, deadline=100)
    assert (state.next_time(), state.expire(99), state.expire(100)) == (100, 0, 1)
    state.join("b", 1)
    assert state.judge(1, "a") is Verdict.REFUSED
    assert taken(state, now=100) == [(1, "b", 2)]


def test_a_worker_that_is_gone_gives_its_tasks_to_the_others_at_once() -> None:
    state = group("a", offered=2)
    taken(state)
    state.join("b", 1)
    state.leave("a", 7)
    assert state.take(7) == [(1, "b", 2)]
    assert state.balanced


def test_an_attempt_that_was_never_sent_does_not_count() -> None:
    state = group("a", credit=1)
    task = state.take(0)[0]
    state.leave("a", 0)
    state.undo(task, 0)
    state.join("b", 1)
    assert state.take(0) == [(1, "b", 1)]


def test_a_task_given_back_waits_for_its_time() -> None:
    state = group("a", credit=1, offered=1)
    taken(state)
    state.nack([1], 500)
    assert (state.take(499), state.next_time()) == ([], 500)
    assert state.take(500) == [(1, "a", 2)]


def test_a_task_handed_out_too_often_is_spent_and_then_buried() -> None:
    state = group("a", offered=1, attempts=2)
    for attempt in (1, 2):
        assert taken(state, now=attempt, deadline=attempt) == [(1, "a", attempt)]
        state.expire(attempt)
    assert (state.take(9), state.spent, state.balanced) == ([], {1: 2}, True)
    state.bury(1)
    assert (state.floor, state.counts.dead, state.balanced) == (1, 1, True)


def test_what_is_being_settled_does_not_expire_nor_leave_with_its_worker() -> None:
    state = group("a", credit=1, offered=1)
    taken(state, deadline=100)
    state.settling([1])
    assert state.expire(1000) == 0
    state.leave("a", 1000)
    assert state.held[1].stage is Stage.SETTLING
    state.unsettle([1], 1000)
    assert state.waiting[1].attempts == 1


def test_an_answer_that_could_not_be_recorded_leaves_the_task_where_it_was() -> None:
    state = group("a", credit=1, offered=1)
    taken(state, deadline=100)
    state.settling([1])
    state.unsettle([1], 50)
    assert state.judge(1, "a") is Verdict.HELD
    assert state.expire(100) == 1


def test_claiming_takes_the_longest_idle_within_the_credits() -> None:
    state = group("a", credit=3, offered=3)
    taken(state, now=10)
    state.join("b", 2)
    assert state.claim("b", 91, 5, now=100) == []
    assert state.claim("b", 90, 5, now=100) == [(1, "b", 2), (2, "b", 2)]
    assert (state.judge(1, "a"), state.workers["a"].load) == (Verdict.REFUSED, 1)


def test_lost_positions_are_counted_and_the_floor_moves_on() -> None:
    state = group("a", credit=1, offered=2)
    taken(state)
    state.lose(2, 1000)
    assert (state.position, state.counts.lost, state.balanced) == (1000, 999, True)
    state.ack([1])
    assert (state.floor, list(state.settled)) == (1000, [])


def test_another_epoch_loses_what_was_not_settled() -> None:
    state = group("a", offered=3)
    taken(state)
    state.ack([2])
    assert state.restart("e2", 5) == 2
    assert (state.epoch, state.floor, state.position, state.free) == ("e2", 5, 5, 2)
    assert state.balanced
