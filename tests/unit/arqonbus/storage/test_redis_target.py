"""What a URL of a Redis server means, and which ones mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from arqonbus.storage.redis.target import Target, parse


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://h", Target("server", (("h", 6379),))),
        ("redis://h:7/2", Target("server", (("h", 7),), db=2)),
        ("rediss://[::1]:7", Target("server", (("::1", 7),), tls=True)),
        ("unix:///run/v.sock", Target("socket", path=Path("/run/v.sock"))),
        ("unix:///run/v.sock?db=3", Target("socket", path=Path("/run/v.sock"), db=3)),
        (
            "redis+sentinel://a:1,b/main/4",
            Target("sentinel", (("a", 1), ("b", 26379)), service="main", db=4),
        ),
        ("rediss+sentinel://a/m", Target("sentinel", (("a", 26379),), service="m", tls=True)),
        ("redis+cluster://a:1,b:2", Target("cluster", (("a", 1), ("b", 2)))),
        ("rediss+cluster://a/0", Target("cluster", (("a", 6379),), tls=True)),
    ],
)
def test_what_a_url_means(url: str, target: Target) -> None:
    assert parse(url) == target


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://h", "scheme"),
        ("h:6379", "scheme"),
        ("redis://user:secret@h", "password_file"),
        ("redis://", "host is missing"),
        ("redis://h,", "host is missing"),
        ("redis://h:port", "port"),
        ("redis://h/zero", "not a number"),
        ("redis://h/0/1", "mean nothing"),
        ("redis://h?db=1", "mean nothing"),
        ("redis://h#x", "mean nothing"),
        ("redis+sentinel://h", "service"),
        ("redis+cluster://h/1", "no databases"),
        ("unix://h/path", "unix:///"),
        ("unix:///path?password=secret", "unix:///"),
    ],
)
def test_what_means_nothing_is_said_without_secrets(url: str, word: str) -> None:
    with pytest.raises(ValueError, match=word) as raised:
        parse(url)
    assert "secret" not in str(raised.value)
