"""A token is written in one way, or it is none."""

import base64

import pytest
from support.tokens import SECRET, hand_signed, part, signed

from arqonbus.shield.form import MAX_DEPTH, MAX_TOKEN_CHARS, read_form, read_object
from arqonbus.shield.interface import AuthError, AuthReason

HEADER = '{"alg":"HS256"}'


def refused(token: str) -> bool:
    try:
        read_form(token)
    except AuthError as error:
        return (error.reason, error.message) == (AuthReason.MALFORMED, "the token is malformed")
    return False


def test_what_it_says() -> None:
    form = read_form(signed(headers={"kid": "a"}, jti="1"))
    assert (form.algorithm, form.key_id) == ("HS256", "a")
    assert form.claims["jti"] == "1"
    assert read_form(signed()).key_id is None


@pytest.mark.parametrize("kid", ["a", "2026-01.b_c", "https://keys/1", "abc+/=", "x" * 128])
def test_key_ids(kid: str) -> None:
    assert read_form(signed(headers={"kid": kid})).key_id == kid


@pytest.mark.parametrize(
    "kid",
    [
        "", "x" * 129, "a b", "a\n", "a'--", 'a"', "a;b", "a\0", "é", "a%00", "$(id)", "a|b", "<a>",
        "{a}", "a\\b", 7, None, True, ["a"], {"a": 1},
    ],
)  # fmt: skip
def test_key_ids_that_are_none(kid: object) -> None:
    assert refused(hand_signed({"alg": "HS256", "kid": kid}, {}))


@pytest.mark.parametrize(
    "more",
    [
        {"crit": ["exp"]}, {"crit": []}, {"crit": None}, {"b64": False}, {"b64": True},
        {"typ": "logout+jwt"}, {"typ": "JWE"}, {"typ": 7}, {"typ": None}, {"typ": ""},
    ],
)  # fmt: skip
def test_headers_that_change_what_a_token_is(more: dict[str, object]) -> None:
    assert refused(hand_signed({"alg": "HS256", **more}, {}))


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt"])
def test_access_tokens(kind: str) -> None:
    assert not refused(hand_signed({"alg": "HS256", "typ": kind}, {}))


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "x5t"])
def test_headers_that_point_elsewhere_are_only_read(name: str) -> None:
    form = read_form(hand_signed({"alg": "HS256", name: "https://evil.invalid/"}, {}))
    assert (form.algorithm, form.key_id) == ("HS256", None)


@pytest.mark.parametrize(
    "claims",
    [
        '{"sub":"a","sub":"b"}',
        '{"a":{"b":1,"b":1}}',
        r'{"sub":"a","s\u0075b":"b"}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":1e999}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}",
        '{"a":' * 900 + "1" + "}" * 900,
        "[" * 5000,
        r'{"a":"\ud800"}',
        r'{"\udfff":1}',
        '{"a":1}x',
        "[]",
        "null",
        "",
        '\ufeff{"a":1}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"),
        b'{"a":"\xff"}',
    ],
)
def test_claims_that_could_be_read_in_two_ways(claims: str | bytes) -> None:
    assert refused(hand_signed(HEADER, claims))
    assert refused(hand_signed(claims, "{}"))


def test_a_header_names_everything_once() -> None:
    assert refused(hand_signed('{"alg":"HS256","alg":"none"}', "{}"))
    assert refused(hand_signed('{"alg":"HS256","kid":"a","kid":"b"}', "{}"))
    assert not refused(hand_signed(HEADER, "{}"))


def test_nesting_up_to_the_bound() -> None:
    inner = MAX_DEPTH - 1
    assert read_object(b'{"a":' + b"[" * inner + b"]" * inner + b"}")


def test_base64_in_another_spelling() -> None:
    token = hand_signed(HEADER, "{}")
    head, body, signature = token.split(".")
    assert not refused(token)
    other = chr(ord(body[-1]) + 1)  # the same bytes, with bits set that are not used
    assert base64.urlsafe_b64decode(body[:-1] + other + "==") == b"{}" or body[-1] == other
    for changed in (
        f"{head}.{body[:-1]}{other}.{signature}",
        f"{head}=.{body}.{signature}",
        f"{head}.{body}==.{signature}",
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{signature}\n",
        f" {token}",
        f"{head}.{body[:2]}\n{body[2:]}.{signature}",
        f"{head}.{body}+/.{signature}",
        f"{head}..{signature}",
        f".{body}.{signature}",
        f"{head}.{body}.{signature}.{signature}",
        f"{head}.{body}",
    ):
        assert refused(changed)


def test_a_size_that_no_token_has() -> None:
    padding = MAX_TOKEN_CHARS * 3 // 4
    assert refused(f"{part(HEADER)}.{part({'a': 'x' * padding})}.AA")
    assert refused("a" * (MAX_TOKEN_CHARS + 1))
    assert SECRET not in str(read_form(signed()))
