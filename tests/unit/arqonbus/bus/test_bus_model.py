"""Whatever publishers and the store do: no message lost in silence, doubled, or out of order."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from unit.arqonbus.bus.fakes import FakePeer, FakeSubscriber, Frame, Stage
from unit.arqonbus.protocol.reading import unframed

from arqonbus.config.limits import LimitSettings
from arqonbus.errors import ErrorCode

CHANNELS = "abc"
# A publish: peer, channel, number of an id (0: none), qos, length.
PUBLISHES = st.tuples(
    st.integers(0, 2),
    st.sampled_from(CHANNELS),
    st.integers(0, 3),
    st.integers(0, 1),
    st.sampled_from([1, 1, 300, 1500]),
)
STEPS = st.lists(
    PUBLISHES | st.sampled_from(["turn", "turn", "commit", "commit", "refuse"]), max_size=40
)
Publish = tuple[int, str, int, int, int]


def play(stage: Stage, peers: list[FakePeer], steps: list[Publish | str]) -> Counter[str]:
    """Do it all; how many publishes each peer sent by whether a receipt was wanted."""
    sent: Counter[str] = Counter()
    for step in steps:
        if isinstance(step, tuple):
            number, channel, message_id, qos, length = step
            fields = {"id": f"i{message_id}-{length}"} if message_id else {}
            stage.send(peers[number], "x" * length, channel=channel, qos=qos, **fields)
            sent[f"{number}:{qos}"] += 1
        elif step == "turn":
            stage.turn()
        elif stage.storage.held is not None:
            (stage.storage.commit if step == "commit" else stage.storage.refuse)()
        assert balanced(stage)
    stage.settle()
    assert balanced(stage)
    return sent


def balanced(stage: Stage) -> bool:
    """Whether every message that was accepted is stored, refused or waiting."""
    entries = stage.bus.ledger()
    counts = [entries[name] for name in ("stored", "refused", "waiting")]
    return entries["published"] == sum(count for count in counts if isinstance(count, int))


def frames_of(subscriber: FakeSubscriber) -> list[Frame]:
    return [json.loads(data) for chunk in subscriber.chunks for _, data in unframed(chunk)]


@given(STEPS, st.sampled_from([1, 3, 100]))
def test_every_publish_is_delivered_once_or_its_publisher_told(
    steps: list[Publish | str], batch: int
) -> None:
    stage = Stage(LimitSettings(batch_messages=batch, batch_bytes=1024))
    peers = [stage.peer(f"c_{number}") for number in range(3)]
    subscribers = {name: stage.subscriber(name) for name in CHANNELS}
    sent = play(stage, peers, steps)
    assert stage.bus.idle
    delivered = {name: frames_of(subscriber) for name, subscriber in subscribers.items()}
    for name, frames in delivered.items():
        assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
        assert {frame["channel"] for frame in frames} <= {name}
        assert len({frame["id"] for frame in frames}) == len(frames)
    for number, peer in enumerate(peers):
        asked = [name for _, name in peer.errors if name is not None]
        assert len(peer.acks) + len(asked) == sent[f"{number}:1"]
        assert {error.code for error, _ in peer.errors} <= {ErrorCode.STORAGE_UNAVAILABLE}
        assert peer.refused == []
        for ack in peer.acks:
            assert delivered[str(ack["channel"])][ack["seq"] - 1]["id"] == ack["request_id"]
    assert stage.counted("messages_stored_total") == sum(map(len, delivered.values()))
    assert stage.counted("deliveries_due_total") == sum(map(len, delivered.values()))


@given(STEPS)
def test_each_publishers_messages_keep_their_order(steps: list[Publish | str]) -> None:
    stage = Stage(LimitSettings(batch_messages=3, dedup_window=0))
    peers = [stage.peer(f"c_{number}") for number in range(3)]
    subscribers = {name: stage.subscriber(name) for name in CHANNELS}
    numbered = [step for step in steps if isinstance(step, str) or step[2] == 0]
    counts: Counter[str] = Counter()
    for step in numbered:
        if isinstance(step, tuple):
            counts[step[1]] += 1
            stage.send(peers[step[0]], sum(counts.values()), channel=step[1])
        elif step == "turn":
            stage.turn()
        elif step == "commit" and stage.storage.held is not None:
            stage.storage.commit()
    stage.settle()
    for name, subscriber in subscribers.items():
        frames = frames_of(subscriber)
        assert len(frames) == counts[name]
        for peer in peers:
            own = [frame["payload"] for frame in frames if frame["sender"] == peer.client_id]
            assert own == sorted(own)


@given(STEPS)
def test_what_was_sent_with_qos_0_is_delivered_or_counted_as_lost(
    steps: list[Publish | str],
) -> None:
    stage = Stage(LimitSettings(batch_messages=3))
    peers = [stage.peer(f"c_{number}") for number in range(3)]
    subscribers = [stage.subscriber(name) for name in CHANNELS]
    anonymous = [step if isinstance(step, str) else (*step[:2], 0, *step[3:]) for step in steps]
    sent = play(stage, peers, anonymous)
    senders = Counter(
        frame["sender"] for subscriber in subscribers for frame in frames_of(subscriber)
    )
    for number, peer in enumerate(peers):
        told = [error.message for error, name in peer.errors if name is None]
        lost = sum(int(message.split()[0]) for message in told)
        refused = len(peer.errors) - len(told)
        assert senders[peer.client_id] + lost + refused == sent[f"{number}:0"] + sent[f"{number}:1"]
