"""A repeated id is known from its publish to the end of the window, against a plain model."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arqonbus.routing.dedup import Known, PublishIds, State

KEYS = "abcdef"
Entry = tuple[str, int]  # a key ("" for a message without one) and a digest


@dataclass
class Model:
    """Messages in order as the bus has them: those that wait, those in flight, those stored."""

    window: int
    waiting: list[Entry] = field(default_factory=list)
    flying: list[Entry] | None = None
    stored: list[tuple[str, int, int]] = field(default_factory=list)
    last_seq: int = 0

    def find(self, key: str) -> Known | None:
        for known, seq, digest in self.stored:
            if known == key:
                return Known(State.STORED, seq, digest)
        for state, entries in ((State.WAITING, self.waiting), (State.IN_FLIGHT, self.flying or [])):
            for index, (known, digest) in enumerate(entries):
                if known == key:
                    return Known(state, index, digest)
        return None

    def commit(self) -> None:
        for key, digest in self.flying or ():
            self.last_seq += 1
            if key:
                self.stored.append((key, self.last_seq, digest))
        self.flying = None
        self.stored = self.stored[-self.window :]


def step(ids: PublishIds, model: Model, action: str, key: str, number: int) -> None:
    """One thing that the bus does, if it may do it now."""
    if action == "add" and (not key or model.find(key) is None):
        if key:
            ids.add(key, len(model.waiting), number)
        model.waiting.append((key, number))
    elif action == "take" and model.flying is None and model.waiting:
        ids.take(number)
        model.flying, model.waiting = model.waiting[:number], model.waiting[number:]
    elif action == "stored" and model.flying is not None:
        ids.stored(model.last_seq + 1, model.window)
        model.commit()
    elif action == "refused" and model.flying is not None:
        ids.refused()
        model.flying = None


STEPS = st.tuples(
    st.sampled_from(["add", "add", "add", "take", "stored", "refused"]),
    st.sampled_from(["", *KEYS]),
    st.integers(1, 4),
)


@given(st.lists(STEPS, max_size=40), st.integers(1, 4))
@example(
    [("add", "a", 1), ("take", "", 1), ("add", "b", 2), ("refused", "", 1), ("add", "a", 3)], 2
)
@example([*(("add", key, 1) for key in KEYS), ("take", "", 4), ("stored", "", 1)], 2)
def test_any_interleaving_agrees_with_the_model(
    steps: list[tuple[str, str, int]], window: int
) -> None:
    ids, model = PublishIds(), Model(window)
    for action, key, number in steps:
        step(ids, model, action, key, number)
        for any_key in KEYS:
            assert ids.find(any_key) == model.find(any_key), (action, key, number)
        assert ids.in_flight == {
            index: known for index, (known, _) in enumerate(model.flying or ()) if known
        }


def test_an_id_is_followed_from_waiting_to_its_position() -> None:
    ids = PublishIds()
    ids.add("k", 2, 77)
    assert ids.find("k") == (State.WAITING, 2, 77)
    ids.take(2)
    assert ids.find("k") == (State.WAITING, 0, 77)
    ids.stored(1, 10)
    ids.take(1)
    assert ids.find("k") == (State.IN_FLIGHT, 0, 77)
    ids.stored(3, 10)
    assert ids.find("k") == (State.STORED, 3, 77)


@pytest.mark.parametrize(("window", "kept"), [(1, "c"), (2, "bc"), (3, "abc"), (9, "abc")])
def test_the_window_keeps_the_ids_stored_last(window: int, kept: str) -> None:
    ids = PublishIds()
    for seq, key in enumerate("abc", 1):
        ids.add(key, 0, 0)
        ids.take(1)
        ids.stored(seq, window)
    assert [key for key in "abc" if ids.find(key)] == list(kept)


def test_an_id_of_a_refused_message_is_free_again_and_others_stay() -> None:
    ids = PublishIds()
    ids.add("stored", 0, 1)
    ids.take(1)
    ids.stored(5, 10)
    ids.add("refused", 0, 2)
    ids.take(1)
    ids.add("waiting", 0, 3)
    ids.refused()
    assert ids.find("refused") is None
    assert ids.find("stored") == (State.STORED, 5, 1)
    assert ids.find("waiting") == (State.WAITING, 0, 3)


def test_what_the_store_remembers_is_known_as_stored_and_goes_first() -> None:
    ids = PublishIds()
    for seq, key in ((4, "a"), (9, "b")):
        ids.remember(key, seq, seq * 10)
    assert ids.find("a") == (State.STORED, 4, 40)
    assert ids.find("b") == (State.STORED, 9, 90)
    ids.add("c", 0, 7)
    ids.take(1)
    ids.stored(10, 2)
    assert [key for key in "abc" if ids.find(key)] == ["b", "c"]
