"""From records to the state and back: the same changes live and when the journal is read."""

from __future__ import annotations

from arqonbus.groups.ranges import Ranges
from arqonbus.groups.records import (
    Acked,
    AnyRecord,
    Dead,
    Handed,
    Lost,
    Nacked,
    Restarted,
    Terms,
    Whole,
)
from arqonbus.groups.state import GroupState

Name = tuple[str, str, str]


def name_of(record: AnyRecord) -> Name:
    """Which group a record is of: room, channel, group."""
    return record.room, record.channel, record.group


def whole(name: Name, terms: Terms, state: GroupState) -> Whole:
    """A record from which `restored` makes the state as a restart should find it."""
    room, channel, group = name
    return Whole(
        room=room,
        channel=channel,
        group=group,
        epoch=state.epoch,
        floor=state.floor,
        position=state.position,
        terms=terms,
        settled=list(state.settled),
        tasks=sorted(state.open_tasks()),
        counts=state.counts,
    )


def restored(record: Whole) -> GroupState:
    """The state of a record, without workers: what they had is due."""
    state = GroupState(
        record.epoch,
        record.floor,
        record.terms.max_attempts,
        record.position,
        settled=Ranges(record.settled),
        counts=record.counts,
    )
    for seq, attempts, not_before in record.tasks:
        state.recall(seq, attempts, not_before)
    return state


def replay(state: GroupState, record: AnyRecord) -> None:
    """Change a state read so far as the next record says; one of another epoch says nothing."""
    if isinstance(record, Restarted):
        state.restart(record.epoch, record.floor)
    elif isinstance(record, (Handed, Acked, Nacked, Lost, Dead)) and record.epoch == state.epoch:
        _replay_change(state, record)


def _replay_change(state: GroupState, record: Handed | Acked | Nacked | Lost | Dead) -> None:
    if isinstance(record, Handed):
        for seq, attempts in record.tasks:
            state.recall(seq, attempts, 0)
    elif isinstance(record, Acked):
        state.ack(record.seqs)
    elif isinstance(record, Nacked):
        state.nack(record.seqs, record.not_before)
    elif isinstance(record, Lost):
        state.lose(record.first, record.last)
    else:
        state.bury(record.seq)
