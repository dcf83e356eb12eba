"""What is allowed was found from its second letter on, and denied words within other words."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.payload_rules import inspected, inspector

from arqonbus.casil.inspection import Verdict

ALLOWING = '[[rule]]\nid = "r"\ndetect = ["email"]\nallow = ["help@example.com"]\n'
WORDS = '[[rule]]\nid = "r"\ndeny = ["кот", "naïve", "密码", "top secret"]\n'


@pytest.mark.parametrize(
    "text", ["help@example.com", "mail 'help@example.com' or ?to=help@example.com&a=b"]
)
def test_what_is_allowed_is_no_find(tmp_path: Path, text: str) -> None:
    assert inspected(inspector(tmp_path, ALLOWING), text).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "text",
    ["xhelp@example.com", "help@example.com.evil.org", "help@example.com, me@example.com"],
)
def test_what_only_resembles_it_is_one(tmp_path: Path, text: str) -> None:
    assert inspected(inspector(tmp_path, ALLOWING), text).rules == ("r",)


@pytest.mark.parametrize("text", ["который", "naïveté", "stop secretly"])
def test_a_denied_word_within_another_is_no_find(tmp_path: Path, text: str) -> None:
    assert inspected(inspector(tmp_path, WORDS), text).verdict is Verdict.PASS


@pytest.mark.parametrize("text", ["Кот!", "so NAÏVE", "请输入密码。", "top \n secret"])
def test_one_that_stands_alone_is(tmp_path: Path, text: str) -> None:
    assert inspected(inspector(tmp_path, WORDS), text).rules == ("r",)
