"""One message could keep the bus busy for seconds: its cost is bounded by more than its size."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import SupportsIndex

import pytest
from support.payload_rules import CARD, HEAD, inspected, inspector

from arqonbus.casil import rules, text
from arqonbus.casil.inspection import Verdict

RULES = '[[rule]]\nid = "r"\ndetect = ["secrets", "personal"]\n'
WORDS = '[[rule]]\nid = "r"\ndeny = [' + ",".join(f'"w{n}"' for n in range(1000)) + "]\n"
# Looks like a card, up to its check digit.
NEARLY = "4000 0000 0000 0001 "


def is_mark(character: str) -> bool:
    return all(unicodedata.combining(one) for one in unicodedata.normalize("NFKD", character))


def test_runs_of_combining_marks_are_cut_before_they_are_put_in_order() -> None:
    marks = [chr(n) for n in range(0x80, sys.maxunicode) if not 0xD800 <= n < 0xE000]
    marks = [one for one in marks if is_mark(one)]
    assert len(marks) > 500
    assert [one for one in marks if not text._MARKS.fullmatch(one * 30)] == []


@pytest.mark.parametrize("given", ["a\u030a\u0327", "\u00e5\u0327", "\uff76\uff9e", "é" * 99])
def test_short_runs_are_written_as_before(given: str) -> None:
    assert text.undisguised(given) == unicodedata.normalize("NFKC", given)


class Asked(list[object]):
    """Counts what was taken out of it."""

    taken = 0

    def __iter__(self) -> Iterator[object]:
        for item in super().__iter__():
            self.taken += 1
            yield item

    def __getitem__(self, key: SupportsIndex | slice) -> object:  # type: ignore[override] # not used
        raise AssertionError(key)


@pytest.mark.parametrize("mode", ["enforce", "monitor"])
def test_what_is_too_much_is_not_walked_to_its_end(tmp_path: Path, mode: str) -> None:
    payload = Asked([1] * 50_000)
    found = inspected(inspector(tmp_path, RULES, HEAD.replace("enforce", mode)), payload)
    assert found.incomplete == "too many values"
    assert found.inspected < found.total
    # Once by the walk, and once to be measured.
    assert payload.taken < 60_000


def test_values_of_json_in_a_string_are_values(tmp_path: Path) -> None:
    found = inspected(inspector(tmp_path, RULES), json.dumps([1] * 6000))
    assert (found.verdict, found.incomplete) == (Verdict.BLOCK, "too many values")


def test_a_long_name_is_looked_at_once_for_all_its_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    names_secret = rules.Selection.names_secret

    def noted(selection: rules.Selection, name: str) -> bool:
        asked.append(name)
        return names_secret(selection, name)

    monkeypatch.setattr(rules.Selection, "names_secret", noted)
    inspected(inspector(tmp_path, RULES), {"x" * 100_000: ["a"] * 1000})
    assert asked.count("x" * 100_000) == 1


def test_candidates_are_counted_for_the_message_and_not_for_each_text(tmp_path: Path) -> None:
    found = inspected(inspector(tmp_path, RULES), [NEARLY * 300] * 4)
    assert found.incomplete == "too many texts that look like finds"


def test_a_thousand_words_are_looked_for_at_once(tmp_path: Path) -> None:
    found = inspected(inspector(tmp_path, WORDS), "a b " * 60_000 + "w999")
    assert (found.rules, found.incomplete) == (("r",), "")


def test_rules_that_must_be_tried_one_by_one_come_to_an_end(tmp_path: Path) -> None:
    alone = inspector(tmp_path, WORDS + 'allow = ["w1"]\n')
    assert inspected(alone, "w1").verdict is Verdict.PASS
    assert inspected(alone, "w2 w1").rules == ("r",)
    found = inspected(alone, "a b " * 60_000 + "w999")
    assert (found.verdict, found.incomplete) == (
        Verdict.BLOCK,
        "too many rules have to look at it closely",
    )


def test_many_finds_of_an_honest_message_are_still_found(tmp_path: Path) -> None:
    redacting = inspector(tmp_path, RULES + 'action = "redact"\n')
    assert inspected(redacting, [CARD] * 400).verdict is Verdict.REDACT
