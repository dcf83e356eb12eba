"""What the groups' journal holds: one JSON record for each change that must survive a restart."""

from __future__ import annotations

import msgspec

from arqonbus.groups.tasks import Counts


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What is fixed when a group is created; times in microseconds."""

    visibility: int
    max_attempts: int
    dead_letter: str


class Record(msgspec.Struct, tag_field="t", omit_defaults=True, kw_only=True):
    """Of which group: by room, channel and name."""

    room: str
    channel: str
    group: str


class Whole(Record, tag="group"):
    """A group as it is: all records of it before this one are no longer needed. `tasks` are
    position, attempts and earliest time of what is not settled; `settled` are runs above `floor`.
    """

    epoch: str
    floor: int
    position: int
    terms: Terms
    settled: list[tuple[int, int]] = []
    tasks: list[tuple[int, int, int]] = []
    counts: Counts = msgspec.field(default_factory=Counts)


class Handed(Record, tag="handed"):
    """Positions with the number of their attempt, written before a worker gets them."""

    epoch: str
    tasks: list[tuple[int, int]]


class Acked(Record, tag="acked"):
    """Positions that workers say are done."""

    epoch: str
    seqs: list[int]


class Nacked(Record, tag="nacked"):
    """Positions to be done again, not before a time."""

    epoch: str
    seqs: list[int]
    not_before: int


class Lost(Record, tag="lost"):
    """Positions that the stream no longer had."""

    epoch: str
    first: int
    last: int


class Dead(Record, tag="dead"):
    """A position that is a dead letter."""

    epoch: str
    seq: int


class Restarted(Record, tag="restarted"):
    """The stream began a new epoch; the group goes on after `floor`."""

    epoch: str
    floor: int


class Deleted(Record, tag="deleted"):
    """The group is no more."""


AnyRecord = Whole | Handed | Acked | Nacked | Lost | Dead | Restarted | Deleted
