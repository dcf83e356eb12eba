"""Ordinary JSON in which a detector saw what is not there, measured over random values."""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import pytest
from support.payload_rules import CARD, inspected, inspector

from arqonbus.casil.inspection import Verdict

PERSONAL = '[[rule]]\nid = "r"\ndetect = ["personal", "secrets"]\n'
SCHEMA = '[[json_schema]]\nid = "s"\nschema = {type = "array"}\n'


def test_a_policy_of_schemas_alone_takes_more_than_a_thousand_texts(tmp_path: Path) -> None:
    found = inspected(inspector(tmp_path, SCHEMA), ["text"] * 2000)
    assert (found.verdict, found.incomplete) == (Verdict.PASS, "")


def honest(rnd: random.Random) -> dict[str, object]:
    return {
        "fraction": rnd.random(),
        "amount": -rnd.uniform(0, 1e6),
        "place": [rnd.uniform(-90, 90), rnd.uniform(-180, 180)],
        "row": " ".join(str(rnd.randint(10, 999)) for _ in range(20)),
        "list": " ".join(f"{rnd.uniform(-9, 9):.4f}" for _ in range(20)),
        "path": "M" + " ".join(f"{rnd.uniform(0, 999):.2f}" for _ in range(20)),
        "uuid": str(uuid.UUID(int=rnd.getrandbits(128))),
        "hash": rnd.randbytes(32).hex(),
        "nanoseconds": rnd.randint(16 * 10**17, 18 * 10**17),
    }


def test_ordinary_numbers_and_hashes_are_no_cards(tmp_path: Path) -> None:
    rules, rnd = inspector(tmp_path, PERSONAL), random.Random(4)
    blocked = [
        name
        for _ in range(500)
        for name, value in honest(rnd).items()
        if inspected(rules, value).verdict is not Verdict.PASS
    ]
    assert blocked == []


@pytest.mark.parametrize(
    "written",
    [
        float(CARD),
        "4111.1111.1111.1111",
        "4111-1111 1111-1111",
        "card4111111111111111",
        "no 4111 1111 1111 1111 123 of 12",
        "3782 822463 10005",
        "6200 0000 0000 0005",
        " ".join(CARD),
    ],
)
def test_cards_as_people_write_them_still_are(tmp_path: Path, written: object) -> None:
    assert inspected(inspector(tmp_path, PERSONAL), written).rules == ("r",)
