"""Ranges of versions, held against `packaging`, and the cases that OSV's schema names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from checks.osv.matching import affects
from checks.osv.record import Affected

if TYPE_CHECKING:
    from collections.abc import Sequence

Events = list[tuple[str, str]]

NUMBERS = st.lists(st.integers(0, 9), min_size=1, max_size=3)
VERSIONS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "", "1!"]),
    NUMBERS.map(lambda numbers: ".".join(map(str, numbers))),
    st.sampled_from(["", "", "a1", "b2", "rc1", ".RC2", "-alpha.3"]),
    st.sampled_from(["", "", ".post1", "-2"]),
    st.sampled_from(["", "", ".dev0", ".dev3"]),
)
# The text 0 is no version but the beginning, which has its own test.
LINES = st.lists(VERSIONS.filter(lambda at: at != "0"), min_size=1, max_size=8, unique_by=Version)


def affected(*lines: Events, versions: Sequence[str] = (), kind: str = "ECOSYSTEM") -> Affected:
    ranges = [{"type": kind, "events": [{event: at} for event, at in one]} for one in lines]
    return msgspec.convert({"versions": list(versions), "ranges": ranges}, Affected)


def spans(line: Sequence[str]) -> list[tuple[Version, Version | None]]:
    """Pairs of versions in their order; the last may have no end."""
    at = sorted(map(Version, line))
    ends: list[Version | None] = [*at[1::2], None]
    return list(zip(at[::2], ends, strict=False))


def events(line: Sequence[str], end: str) -> Events:
    """Introduced and ended in turn, in the order of versions."""
    ordered = sorted(line, key=Version)
    return [("introduced" if number % 2 == 0 else end, at) for number, at in enumerate(ordered)]


@given(LINES, VERSIONS, st.data())
def test_affected_is_from_introduced_to_before_fixed(
    line: list[str], version: str, data: st.DataObject
) -> None:
    wanted = Version(version)
    expected = any(a <= wanted and (b is None or wanted < b) for a, b in spans(line))
    shuffled = data.draw(st.permutations(events(line, "fixed")))
    assert affects(affected(shuffled), version) is expected


@given(LINES, VERSIONS)
def test_affected_is_up_to_and_with_the_last_affected(line: list[str], version: str) -> None:
    wanted = Version(version)
    expected = any(a <= wanted and (b is None or wanted <= b) for a, b in spans(line))
    assert affects(affected(events(line, "last_affected")), version) is expected


@given(LINES, LINES, VERSIONS)
def test_several_ranges_are_as_many_chances(one: list[str], two: list[str], version: str) -> None:
    lines = events(one, "fixed"), events(two, "last_affected")
    apart = any(affects(affected(line), version) for line in lines)
    assert affects(affected(*lines), version) is apart


@given(st.lists(VERSIONS, min_size=1), VERSIONS)
def test_a_listed_version_may_be_spelt_otherwise(listed: list[str], version: str) -> None:
    expected = Version(version) in set(map(Version, listed))
    assert affects(affected(versions=listed), version) is expected
    assert affects(affected(versions=[*listed, f"v{version}"]), version)


@given(VERSIONS)
def test_the_beginning_is_before_every_version(version: str) -> None:
    assert affects(affected([("introduced", "0")]), version)


RANGE = [("introduced", "1.2"), ("fixed", "1.10")]
UP_TO_2 = [("introduced", "0"), ("last_affected", "2.0")]
BACKPORTED = [("introduced", "0"), ("fixed", "2.4.6"), ("introduced", "3.0"), ("fixed", "3.1")]
LIMITED = [("introduced", "1.0"), ("limit", "1.5"), ("limit", "1.3")]


@pytest.mark.parametrize(
    ("line", "version", "expected"),
    [
        (RANGE, "1.1", False),
        (RANGE, "1.2.dev1", False),
        (RANGE, "1.2", True),
        (RANGE, "1.9", True),
        (RANGE, "1.10rc1", True),
        (RANGE, "1.10", False),
        (RANGE, "1.10+ours.1", False),
        (RANGE, "1!1.3", False),
        (UP_TO_2, "0a1.dev0", True),
        (UP_TO_2, "2.0.0", True),
        (UP_TO_2, "2.0+ours.1", True),
        (UP_TO_2, "2.0.post1", False),
        (BACKPORTED, "2.4.6", False),
        (BACKPORTED, "2.9", False),
        (BACKPORTED, "3.0.5", True),
        (LIMITED, "1.4", True),
        (LIMITED, "1.5", False),
        ([("introduced", "1.0"), ("limit", "*")], "9.0", True),
        ([("introduced", "1.0"), ("fixed", "1.0")], "1.0", True),
        ([("introduced", "1.0"), ("last_affected", "1.0")], "1.0", True),
        ([("introduced", "1.0"), ("last_affected", "1.0")], "1.1", False),
    ],
)
def test_what_the_schema_names(line: Events, version: str, expected: bool) -> None:
    assert affects(affected(line), version) is expected


def test_a_local_version_is_as_affected_as_its_public_one() -> None:
    assert affects(affected(versions=["1.0"]), "1.0+ours.1")
    assert not affects(affected(versions=["1.0+theirs"]), "1.0+ours.1")


@pytest.mark.parametrize(
    "one",
    [
        affected([("introduced", "long ago")]),
        affected([("introduced", "0"), ("fixed", "2019-09-12x")]),
        affected([("introduced", "9.0")], kind="SEMVER"),
        affected([("introduced", "abc")], kind="GIT"),
        affected(),
    ],
    ids=["no version", "no fixed version", "another order", "commits alone", "nothing said"],
)
def test_what_can_not_be_compared_counts_as_affected(one: Affected) -> None:
    assert affects(one, "1.0")


def test_a_pin_that_is_no_version_is_affected_by_every_range() -> None:
    assert affects(affected(RANGE), "main")
    assert affects(affected(versions=["main"]), "main")
    assert not affects(affected(versions=["1.0"]), "main")


def test_commits_beside_versions_are_of_no_matter() -> None:
    both = [{"type": "GIT", "events": [{"introduced": "abc"}]}]
    one = msgspec.convert({"versions": ["1.0"], "ranges": both}, Affected)
    assert affects(one, "1.0")
    assert not affects(one, "1.1")
