"""Which pages may connect."""

import pytest

from arqonbus.edge.origins import Origins, is_origin
from arqonbus.edge.refusal import HandshakeRefused

PAGE = "https://app.example"


def status(*given: str, allowed: tuple[str, ...] = (PAGE,), loopback: bool = False) -> int:
    try:
        Origins(allowed, loopback=loopback).check(given)
    except HandshakeRefused as refused:
        return int(refused.status)
    return 101


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), 101),
        ((PAGE,), 101),
        ((f"{PAGE}:8443",), 403),
        (("http://app.example",), 403),
        (("https://app.example.evil.example",), 403),
        (("https://evil.example/https://app.example",), 403),
        (("https://APP.example",), 403),
        ((f"{PAGE}/",), 403),
        (("null",), 403),
        (("",), 403),
        (("https://[::1",), 403),
        ((f"{PAGE}\\n",), 403),
        (("http://localhost:3000",), 403),
        ((PAGE, PAGE), 400),
    ],
)
def test_exactly_what_is_listed(given: tuple[str, ...], expected: int) -> None:
    assert status(*given) == expected


@pytest.mark.parametrize(
    "origin",
    ["http://localhost", "https://localhost:1", "http://127.0.0.1:5173", "http://[::1]:80"],
)
def test_this_machines_pages_in_development(origin: str) -> None:
    assert status(origin, loopback=True) == 101
    assert status(origin) == 403


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1.evil.example", "http://localhost.evil.example", "ftp://localhost"]
)
def test_what_only_looks_like_this_machine(origin: str) -> None:
    assert status(origin, loopback=True) == 403


def test_all_is_all_that_are_origins() -> None:
    assert status("https://any.example", allowed=("*",)) == 101
    assert status("null", allowed=("*",)) == 403
    assert status("https://any.example/path", allowed=("*",)) == 403


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PAGE, True), ("http://localhost:3000", True), ("https://[2001:db8::1]:1", True),
        ("app://page", True), ("https://a.example:443", False), ("http://a.example:80", False),
        ("https://A.example", False), ("a.example", False), ("https://", False),
        ("https://*.example", False), ("https://a.example/", False), ("https://u@a.example", False),
        ("https://a.example:0", False), ("null", False), ("", False),
    ],
)  # fmt: skip
def test_what_a_browser_could_send(text: str, expected: bool) -> None:
    assert is_origin(text) is expected
