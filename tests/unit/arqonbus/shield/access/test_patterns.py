"""Patterns: what they match, and when one surely covers another."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.model.principal import Principal
from arqonbus.shield.access.patterns import (
    MAX_CHARS,
    name_pattern,
    subject_pattern,
    tenant_pattern,
    values_of,
)

NAMES = st.text("ab.", max_size=6)
PATTERNS = (
    st.text("ab.*", min_size=1, max_size=6)
    .map(lambda it: re.sub(r"\*+", "*", it))
    .filter(lambda it: it[0] != ".")
)
VARIABLES = (
    st.lists(st.sampled_from(["{subject}", "{tenant}", "a", "s", "*", "."]), min_size=1, max_size=5)
    .map(lambda it: re.sub(r"\*+", "*", "".join(it)))
    .filter(lambda it: it[0] != ".")
)


@pytest.mark.parametrize(
    "text",
    ["", "?", "a?", "[a]", "a/b", "a b", "**", "a**b", ".a", "-a", "{room}", "{subject", "ä"],
)
def test_no_pattern_for_a_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|matches nothing|one \*"):
        name_pattern(text)


@pytest.mark.parametrize(
    "text", ["", "?", "a?", "[a]", "{subject}", "{tenant}", "**", "a\nb", "\x01"]
)
def test_no_pattern_for_a_subject(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|one \*"):
        subject_pattern(text)


@pytest.mark.parametrize("text", ["", "?", "a/b", "{tenant}", "{subject}", ".a", "**", "\x02"])
def test_no_pattern_for_a_tenant(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|matches nothing|one \*"):
        tenant_pattern(text)


@pytest.mark.parametrize("make", [name_pattern, tenant_pattern, subject_pattern])
def test_a_pattern_is_a_short_string(make: object) -> None:
    assert callable(make)
    for wrong in (1, None, ["a"], True, "a" * (MAX_CHARS + 1)):
        with pytest.raises(ValueError, match="pattern"):
            make(wrong)
    assert str(make("a" * MAX_CHARS)) == "a" * MAX_CHARS


@pytest.mark.parametrize("text", ["auth0|42", "spiffe://acme/bus", "a b", "ops@example.com", "é"])
def test_a_subject_is_what_the_issuer_calls_it(text: str) -> None:
    assert subject_pattern(text).matches(text)
    assert subject_pattern("*").matches(text)


@given(PATTERNS, NAMES)
def test_it_matches_what_the_same_regular_expression_does(text: str, name: str) -> None:
    expression = ".*".join(re.escape(it) for it in text.split("*"))
    assert name_pattern(text).matches(name) == bool(re.fullmatch(expression, name))


@given(VARIABLES, st.text("as*.{}bjectn", min_size=1, max_size=4), NAMES)
def test_a_variable_is_the_text_of_the_name_and_nothing_more(
    text: str, subject: str, name: str
) -> None:
    words = {"*": ".*", "{subject}": re.escape(subject), "{tenant}": "t"}
    parts = re.split(r"(\*|\{subject\}|\{tenant\})", text)
    expression = "".join(words.get(it, re.escape(it)) for it in parts)
    found = name_pattern(text).matches(name, values_of(Principal(subject, "t")))
    assert found == bool(re.fullmatch(expression, name))


@given(PATTERNS, PATTERNS, NAMES)
def test_what_is_covered_is_matched(big: str, small: str, name: str) -> None:
    if name_pattern(big).covers(name_pattern(small)) and name_pattern(small).matches(name):
        assert name_pattern(big).matches(name)


@given(VARIABLES, VARIABLES, st.sampled_from(["a", "s", "as", "."]), st.text("as.", max_size=5))
def test_what_is_covered_is_matched_whoever_asks(
    big: str, small: str, subject: str, name: str
) -> None:
    values = values_of(Principal(subject, "a"))
    if name_pattern(big).covers(name_pattern(small)) and name_pattern(small).matches(name, values):
        assert name_pattern(big).matches(name, values)


@pytest.mark.parametrize(
    ("big", "small", "covers"),
    [
        ("*", "*", True),
        ("*", "a", True),
        ("*", "{subject}", True),
        ("a*", "a.{subject}", True),
        ("a*", "a*b", True),
        ("a*c", "ab*bc", True),
        ("{subject}", "{subject}", True),
        ("a", "*", False),
        ("a*", "*", False),
        ("a*b", "a*", False),
        ("*sub*", "{subject}", False),
        ("{subject}", "{tenant}", False),
        ("{subject}", "subject", False),
        ("a*a", "a", False),
    ],
)
def test_covering(big: str, small: str, covers: bool) -> None:
    assert name_pattern(big).covers(name_pattern(small)) is covers
