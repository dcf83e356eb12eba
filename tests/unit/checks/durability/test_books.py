"""The books: what was said of a message, against what is stored and what was given out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from checks.durability.books import Books
from checks.durability.rules import DOWN, LOST, NOT_REFUSED, RECEIPT, UNSTORED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from checks.fault import Fault
    from checks.peer import Frame


class Reader:
    """A peer that read what the test says."""

    def __init__(self, history: list[Frame], said: str = "complete") -> None:
        self.delivered = history
        self._answer = history, said

    def history(self) -> tuple[list[Frame], str]:
        return self._answer

    def command(self, _name: str) -> Frame:
        return {}


def ack(name: str, seq: int, durability: str = "disk") -> Frame:
    return {"type": "ack", "request_id": name, "seq": seq, "durability": durability}


def refusal(name: str, code: str) -> Frame:
    return {"type": "error", "request_id": name, "error_code": code}


def message(name: str, seq: int) -> Frame:
    return {"type": "message", "id": name, "seq": seq, "payload": {"n": name}}


def rules(faults: Iterable[Fault]) -> list[str]:
    return [fault.rule for fault in faults]


@pytest.mark.parametrize(
    ("answer", "level", "broken"),
    [
        (ack("a", 1), "disk", []),
        (ack("a", 1, "memory"), "memory", []),
        (ack("a", 1), "memory", [RECEIPT]),
        (ack("a", 1, "remote"), "memory", [RECEIPT]),
        (ack("a", 1, "safe"), "disk", [RECEIPT]),
        (ack("a", 1, "memory"), "disk", [DOWN]),
        (refusal("a", "STORAGE_UNAVAILABLE"), "disk", [DOWN]),
    ],
)
def test_a_receipt_names_the_level_that_is_reached(
    answer: Frame, level: str, broken: list[str]
) -> None:
    assert rules(Books().receipt(answer, level)) == broken


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        (refusal("a", "STORAGE_UNAVAILABLE"), []),
        (refusal("a", "INTERNAL"), [NOT_REFUSED]),
        (ack("a", 1, "memory"), [NOT_REFUSED]),
        (ack("a", 1), [NOT_REFUSED, RECEIPT]),
        ({"type": "response", "request_id": "a"}, [NOT_REFUSED]),
    ],
)
def test_what_can_not_be_stored_is_refused(answer: Frame, broken: list[str]) -> None:
    assert rules(Books().refusal(answer, "STORAGE_UNAVAILABLE")) == broken


@pytest.mark.parametrize(
    ("stored", "delivered", "broken"),
    [
        ([message("a", 1), message("b", 2)], [message("b", 2)], []),
        ([message("a", 1), message("b", 2), message("more", 3)], [], []),
        ([message("b", 1), message("a", 2)], [], [LOST]),
        ([message("a", 1)], [], [LOST]),
        ([message("a", 1), message("b", 3)], [], [LOST, LOST]),
        ([message("a", 1), message("b", 2)], [message("c", 3)], [UNSTORED]),
        ([message("a", 1), message("b", 2)], [message("b", 1)], [UNSTORED]),
        ([message("a", 1), message("b", 2), message("no", 3)], [], [NOT_REFUSED]),
        ([message("a", 1), message("b", 2) | {"payload": 7}], [], [LOST]),
    ],
)
def test_the_history_is_held_against_the_books(
    stored: list[Frame], delivered: list[Frame], broken: list[str]
) -> None:
    books = Books()
    for answer in (ack("a", 1), ack("b", 2), refusal("no", "STORAGE_UNAVAILABLE")):
        books.enter(answer)
    reader: Any = Reader(stored)  # Any: it has of a peer what the books ask for
    assert rules(books.judge(reader, delivered)) == broken


def test_a_history_that_is_not_complete_is_a_loss() -> None:
    reader: Any = Reader([], "truncated")  # Any: it has of a peer what the books ask for
    assert rules(Books().judge(reader, [])) == [LOST]


def test_what_was_refused_must_not_have_arrived() -> None:
    books = Books()
    books.enter(refusal("no", "STORAGE_UNAVAILABLE"))
    got: Any = Reader([message("no", 1)])  # Any: it has of a peer what the books ask for
    other: Any = Reader([message("yes", 1)])  # Any: as above
    assert rules(books.not_delivered([other, got])) == [UNSTORED]
