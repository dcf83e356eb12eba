"""A token's form, judged before anything in it is believed (RFC 7515, RFC 8725).

Python's JSON takes the last of two equal names, reads UTF-16 and knows NaN; base64 decoders pass
over what is none. Each of these would let two programs read one token in two ways.
"""

import base64
import binascii
import json
import math
import re
from typing import Final, NamedTuple, NoReturn

from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.keys import KEY_ID

MAX_TOKEN_CHARS: Final = 8 * 1024
MAX_DEPTH: Final = 16
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")
# RFC 8725, 3.11: a token that says it is for something else is not taken for an access token.
_TYPES: Final = frozenset({"jwt", "at+jwt"})
# Extensions that must be understood, and none is (RFC 7515, 4.1.11; RFC 7797).
_REFUSED_HEADERS: Final = ("crit", "b64")

Object = dict[str, object]


class Form(NamedTuple):
    """What a token says, verified by nobody yet."""

    algorithm: str
    key_id: str | None
    header: Object
    claims: Object


def read_form(token: str) -> Form:
    """The header and claims of a well-formed token, in which nothing is verified.

    Raises:
        AuthError: MALFORMED.
    """
    match = _PARTS.fullmatch(token) if len(token) <= MAX_TOKEN_CHARS else None
    if match is None:
        raise malformed()
    try:
        header, claims = (read_object(_decoded(part)) for part in match.group(1, 2))
        _decoded(match.group(3))
    except ValueError:
        raise malformed() from None
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or any(name in header for name in _REFUSED_HEADERS):
        raise malformed()
    if not _is_access(header.get("typ", "JWT")):
        raise malformed()
    if key_id is None and "kid" not in header:
        return Form(algorithm, None, header, claims)
    if not isinstance(key_id, str) or not KEY_ID.fullmatch(key_id):
        raise malformed()
    return Form(algorithm, key_id, header, claims)


def malformed() -> AuthError:
    """What is no token; it does not say where it fails, which helps only those who try."""
    return AuthError(AuthReason.MALFORMED, "the token is malformed")


def _is_access(kind: object) -> bool:
    return isinstance(kind, str) and kind.lower().removeprefix("application/") in _TYPES


def _decoded(part: str) -> bytes:
    """Base64url without padding, in its one canonical spelling."""
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode():
        raise ValueError("another spelling of the same bytes")
    return data


def read_object(data: bytes) -> Object:
    """A JSON object that every program reads in the same way.

    Raises:
        ValueError: it is not UTF-8 or no object, names something twice, is nested too deep, or
            holds a number or text that is none.
    """
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - one kind of error for all that is wrong
    _check(value, MAX_DEPTH)
    return value


def _once(pairs: list[tuple[str, object]]) -> Object:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is there twice")
    return made


def _no_number(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no number is as large")
    return number


def _check(value: object, depth: int) -> None:
    if isinstance(value, str):
        value.encode()  # a lone surrogate, which is no text, raises
    elif isinstance(value, (dict, list)):
        if not depth:
            raise ValueError("nested too deep")
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(item, depth - 1)
