from __future__ import annotations

import pytest

from checks.adversarial.answers import (
    Verdict,
    closed,
    in_time,
    let_in,
    not_internal,
    refused,
    refused_at_the_door,
)
from checks.adversarial.rules import ACCEPTED, HUNG, INTERNAL, REFUSED_LEGITIMATE, WRONG_ANSWER
from checks.adversarial.wire import Head

UNAUTHENTICATED = '{"error_code": "UNAUTHENTICATED"}'


def rules(verdict: Verdict) -> list[str]:
    return [fault.rule for fault in verdict.faults]


@pytest.mark.parametrize(
    ("head", "broken"),
    [
        (Head(401, "", UNAUTHENTICATED), []),
        (Head(101), [ACCEPTED]),
        (Head(500), [INTERNAL]),
        (Head(400, "", '{"error_code": "INTERNAL"}'), [INTERNAL]),
        (Head(403), [WRONG_ANSWER]),
        (Head(401, "", "go away"), [WRONG_ANSWER]),
        (Head(401, "", "[]"), [WRONG_ANSWER]),
        (Head(0), [WRONG_ANSWER]),
    ],
)
def test_a_handshake_must_be_refused_as_it_should(head: Head, broken: list[str]) -> None:
    assert rules(refused_at_the_door("n", head, 401)) == broken


def test_a_closed_connection_is_a_refusal_where_it_is_expected() -> None:
    assert rules(refused_at_the_door("n", Head(0), 400, 0)) == []


def test_who_should_be_let_in_must_be() -> None:
    assert rules(let_in("n", Head(101))) == []
    assert rules(let_in("n", Head(401))) == [REFUSED_LEGITIMATE]


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        ({"type": "error", "error_code": "FORBIDDEN"}, []),
        ({"type": "error", "error_code": "NOT_FOUND"}, [WRONG_ANSWER]),
        ({"type": "error", "error_code": "INTERNAL"}, [INTERNAL]),
        ({"type": "error"}, [WRONG_ANSWER]),
        ({"type": "ack"}, [ACCEPTED]),
        ({}, [ACCEPTED]),
    ],
)
def test_a_frame_must_be_refused_with_the_right_code(
    answer: dict[str, str], broken: list[str]
) -> None:
    assert rules(refused("n", answer, "FORBIDDEN")) == broken


def test_a_defect_is_one_whatever_was_asked() -> None:
    assert rules(not_internal("n", {"type": "error", "error_code": "INTERNAL"})) == [INTERNAL]
    assert rules(not_internal("n", {"type": "ack"})) == []


@pytest.mark.parametrize(
    ("code", "broken"), [(1002, []), (1000, [WRONG_ANSWER]), (1011, [INTERNAL]), (None, [ACCEPTED])]
)
def test_a_connection_must_end_with_the_right_code(code: int | None, broken: list[str]) -> None:
    assert rules(closed("n", code, 1002)) == broken


def test_a_connection_that_only_holds_must_end() -> None:
    assert rules(in_time("n", None)) == [HUNG]
    assert rules(in_time("n", 0)) == []
