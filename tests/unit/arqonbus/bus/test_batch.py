"""What a commit takes: in order, all of it in the end, within limits, at least one message."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st
from unit.arqonbus.bus.fakes import FakePeer, Stage

from arqonbus.bus.batch import Taken, Waiting
from arqonbus.config.limits import LimitSettings
from arqonbus.model.address import SYSTEM_ROOM, Address
from arqonbus.model.durability import Durability
from arqonbus.routing.dedup import State
from arqonbus.routing.hub import Channel

KIB = 1024
PEER: FakePeer = Stage().peer()


def channel(name: str = "c") -> Channel:
    return Channel(Address("r", name), "e", Durability.MEMORY)


def limits(messages: int = 1000, size: int = 10 * KIB) -> LimitSettings:
    return LimitSettings(batch_messages=messages, batch_bytes=size)


def put(waiting: Waiting, into: Channel, body: bytes, *, wanted: bool = False) -> None:
    """Add a message as the bus does: its text is its id and what its receipt asks for."""
    if not into.bodies:
        waiting.channels.append(into)
    if wanted:
        into.receipts.append((len(into.bodies), PEER, body))
    into.ids.add(body.decode(), len(into.bodies), 0)
    into.bodies.append(body)


def asked_for(piece: Taken) -> list[bytes]:
    """The bodies that receipts point at; each receipt names the body it was asked for."""
    for index, peer, request_id in piece.receipts:
        assert peer is PEER
        assert piece.bodies[index] == request_id
    return [request_id for _, _, request_id in piece.receipts]


@dataclass
class Model:
    """Queues of (body, receipt wanted) by channel in order of arrival."""

    messages: int
    size: int
    queues: dict[Channel, list[tuple[bytes, bool]]] = field(default_factory=dict)

    def take(self) -> list[tuple[Channel, list[tuple[bytes, bool]]]]:
        taken: list[tuple[Channel, list[tuple[bytes, bool]]]] = []
        messages, size = self.messages, self.size
        while self.queues and messages > 0 and size > 0:
            into, queue = next(iter(self.queues.items()))
            piece: list[tuple[bytes, bool]] = []
            while queue and messages > 0 and size > 0:
                piece.append(queue.pop(0))
                messages -= 1
                size -= len(piece[-1][0])
            if not queue:
                del self.queues[into]
            taken.append((into, piece))
        return taken

    @property
    def waiting(self) -> int:
        return sum(len(body) for queue in self.queues.values() for body, _ in queue)

    @property
    def count(self) -> int:
        return sum(map(len, self.queues.values()))


def check_take(waiting: Waiting, model: Model) -> None:
    """Take once, then compare what was taken and what is left."""
    waiting.measure()
    assert (waiting.size, waiting.messages) == (model.waiting, model.count)
    taken, expected = waiting.take(), model.take()
    assert [(piece.channel, piece.bodies) for piece in taken] == [
        (into, [body for body, _ in piece]) for into, piece in expected
    ]
    for piece, (_, messages) in zip(taken, expected, strict=True):
        assert asked_for(piece) == [body for body, wanted in messages if wanted]
        assert piece.size == sum(map(len, piece.bodies))
    assert (waiting.size, waiting.messages) == (model.waiting, model.count)
    assert waiting.channels == list(model.queues)


PUTS = st.tuples(
    st.integers(0, 3),
    st.sampled_from([8, 8, 8, 100, 512, 1015, 1016, 1024, 1025, 3000]),
    st.booleans(),
)
STEPS = st.lists(PUTS | st.none(), max_size=40)


@given(STEPS, st.sampled_from([1, 2, 3, 7, 100]), st.sampled_from([1, 2, 4]))
@example([(0, 3000, True), (0, 8, True), (1, 8, False), None, (0, 8, True), None, None], 1, 1)
@example([(0, 512, True), (0, 512, True), (1, 8, True), None], 100, 1)
@example([(0, 512, True), (0, 512, True), (0, 8, True), None], 100, 1)
@example([(0, 1015, True), (0, 8, True), (0, 8, True), (0, 8, True), None], 100, 1)
@example([(0, 8, True), (1, 8, True), (1, 8, True), None, (1, 8, True)], 2, 4)
def test_any_order_of_puts_and_takes_agrees_with_the_model(
    steps: list[tuple[int, int, bool] | None], messages: int, kib: int
) -> None:
    waiting, model = Waiting(limits(messages, kib * KIB)), Model(messages, kib * KIB)
    channels = [channel(str(number)) for number in range(4)]
    for number, step in enumerate(steps):
        if step is None:
            check_take(waiting, model)
            continue
        at, size, wanted = step
        body = b"%08d" % number + b"x" * (size - 8)
        put(waiting, channels[at], body, wanted=wanted)
        model.queues.setdefault(channels[at], []).append((body, wanted))
    while model.queues:
        check_take(waiting, model)
    assert waiting.take() == []
    assert all(one.bodies == [] and one.receipts == [] for one in channels)


@given(
    st.lists(st.lists(st.integers(1, 3000), min_size=1, max_size=30), min_size=1, max_size=5),
    st.integers(1, 40),
)
def test_a_commit_keeps_to_the_limits_but_for_the_last_message(
    sizes: list[list[int]], messages: int
) -> None:
    waiting = Waiting(limits(messages, 4 * KIB))
    for name, row in enumerate(sizes):
        into = channel(str(name))
        for size in row:
            put(waiting, into, b"z" * size)
    left = sum(map(len, sizes))
    while left:
        waiting.measure()
        taken = waiting.take()
        bodies = [body for piece in taken for body in piece.bodies]
        assert 1 <= len(bodies) <= messages
        assert sum(map(len, bodies[:-1])) < 4 * KIB
        assert len({piece.channel for piece in taken}) == len(taken)
        left -= len(bodies)
    assert waiting.size == 0


def test_a_message_beyond_the_bytes_of_a_batch_goes_alone() -> None:
    waiting = Waiting(limits(size=KIB))
    first, second = channel("1"), channel("2")
    put(waiting, first, b"a" * 5 * KIB)
    put(waiting, first, b"b")
    put(waiting, second, b"c")
    waiting.measure()
    assert [(piece.channel, piece.bodies) for piece in waiting.take()] == [
        (first, [b"a" * 5 * KIB])
    ]
    assert [(piece.channel, piece.bodies) for piece in waiting.take()] == [
        (first, [b"b"]),
        (second, [b"c"]),
    ]


def test_measuring_counts_each_message_once() -> None:
    waiting, into = Waiting(limits()), channel()
    put(waiting, into, b"a" * 10)
    put(waiting, into, b"a" * 3)
    counts = [waiting.measure(), waiting.measure()]
    assert waiting.size == 13
    put(waiting, into, b"b" * 5)
    put(waiting, channel("other"), b"c")
    assert (waiting.size, waiting.messages) == (13, 2)
    counts.append(waiting.measure())
    assert (waiting.size, waiting.messages) == (19, 4)
    assert counts == [2, 0, 2]


def test_ids_are_in_flight_exactly_for_what_was_taken() -> None:
    waiting, into = Waiting(limits(messages=2)), channel()
    for body in (b"a", b"b", b"c"):
        put(waiting, into, body)
    waiting.measure()
    waiting.take()
    known = [into.ids.find(key) for key in "abc"]
    assert [(one.state, one.number) for one in known if one] == [
        (State.IN_FLIGHT, 0),
        (State.IN_FLIGHT, 1),
        (State.WAITING, 0),
    ]
    into.ids.stored(1, 10)
    waiting.take()
    assert into.ids.find("c") == (State.IN_FLIGHT, 0, 0)


def test_a_taken_piece_is_not_changed_by_what_comes_later() -> None:
    waiting, into = Waiting(limits()), channel()
    put(waiting, into, b"a", wanted=True)
    waiting.measure()
    (piece,) = waiting.take()
    put(waiting, into, b"b", wanted=True)
    assert (piece.bodies, asked_for(piece)) == ([b"a"], [b"a"])
    assert (into.bodies, into.receipts) == ([b"b"], [(0, PEER, b"b")])


def of(tenant: str, name: str = "c") -> Channel:
    return Channel(Address(f"{tenant}/r", name), "e", Durability.MEMORY)


def test_who_has_much_to_store_delays_only_himself() -> None:
    waiting = Waiting(limits(10))
    loud = [of("loud", str(number)) for number in range(50)]
    for number, one in enumerate(loud):
        put(waiting, one, b"%08d" % number)
    quiet = of("quiet")
    for body in (b"q1", b"q2"):
        put(waiting, quiet, body)
    waiting.measure()
    taken = waiting.take()
    assert [piece.channel for piece in taken] == [quiet, *loud[:8]]
    assert taken[0].bodies == [b"q1", b"q2"]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 60))
def test_tenants_share_a_commit_evenly(amounts: list[int], messages: int) -> None:
    waiting = Waiting(limits(messages, KIB * KIB))
    channels = [of(f"t{number}") for number in range(len(amounts))]
    for one, amount in zip(channels, amounts, strict=True):
        for number in range(amount):
            put(waiting, one, b"%s-%04d" % (one.tenant.encode(), number))
    waiting.measure()
    got = {piece.channel: len(piece.bodies) for piece in waiting.take()}
    assert sum(got.values()) == min(messages, sum(amounts))
    # Whoever got less than another one has nothing left, but for what does not divide.
    for one, amount in zip(channels, amounts, strict=True):
        if got.get(one, 0) < amount:
            assert max(got.values()) <= got.get(one, 0) + 1


def test_the_bus_own_records_go_first() -> None:
    waiting = Waiting(limits(2))
    own = Channel(Address(SYSTEM_ROOM, "groups"), "e", Durability.MEMORY)
    for one in (of("a"), of("b"), own):
        put(waiting, one, f"{one.tenant}-1".encode())
        put(waiting, one, f"{one.tenant}-2".encode())
    waiting.measure()
    assert [piece.channel for piece in waiting.take()] == [own]
