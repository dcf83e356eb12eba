"""Patterns that can't hang, whoever wrote them."""

import pytest

from arqonbus.casil.linear import MAX_PATTERN_CHARS, Pattern, PatternError, any_of, checked, names


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "missing"),
        (r"(?=a)b", "invalid perl operator"),
        (r"(a)\1", "invalid escape"),
        ("a*", "empty text"),
        ("(?:a{1000}){1000}", "invalid repetition"),
        ("a" * (MAX_PATTERN_CHARS + 1), "longer"),
    ],
)
def test_patterns_that_are_refused(pattern: str, why: str) -> None:
    with pytest.raises(PatternError, match=why):
        checked(pattern)


def never(_found: str) -> bool:
    return False


def test_nothing_hides_behind_a_match_that_is_no_find() -> None:
    assert list(Pattern(r"a+b").matches("aab", never)) == ["aab", "ab"]


def test_the_group_that_took_part_is_what_is_found() -> None:
    assert list(Pattern(r"x(\d)|y(\d)").matches("y2 x1", never)) == ["2", "1"]
    assert list(Pattern(r"x(?:\d)").matches("é x1", never)) == ["x1"]


def test_a_lone_surrogate_is_a_text_like_others() -> None:
    assert Pattern("b").found("\ud800b")


def test_patterns_that_cannot_be_joined_are_not() -> None:
    assert any_of([r"\pL{1000}x"] * 60) is None
    joined = any_of(["^x", "y$"])
    assert joined is not None
    assert joined.found("ay")
    assert not joined.found("ax")


@pytest.mark.parametrize(
    ("patterns", "name", "held"),
    [
        (["*"], "", True),
        (["*"], "any.thing", True),
        (["a*"], "abc", True),
        (["a*c"], "abbc", True),
        (["a.c"], "abc", False),
        (["a", "b"], "b", True),
        (["a"], "ab", False),
        (["a*"], "", False),
    ],
)
def test_names(patterns: list[str], name: str, held: bool) -> None:
    assert names(patterns).whole(name) is held
