"""Keeps secrets out of log lines: by type, by the name of a value, and by what they look like.

A secret's place is nowhere near the log; this is for the exception text, the driver's message and
the URL that nobody expected to hold one. Masking too much is fine, too little is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Final

from pydantic import SecretStr

MASK: Final = "********"
# Whole words of a name, so that ``tokens_checked`` or ``author`` stay readable.
SECRET_WORDS: Final = frozenset(
    {
        "secret",
        "secrets",
        "token",
        "password",
        "passwd",
        "pwd",
        "passphrase",
        "authorization",
        "bearer",
        "credential",
        "credentials",
        "jwt",
        "cookie",
        "cookies",
        "apikey",
        "privatekey",
        "otp",
        "pin",
    }
)
# What makes a ``key`` one that must not be seen.
_KEY_WORDS: Final = frozenset({"api", "private", "access", "signing", "encryption", "shared"})
# Between ``fooBar``, ``foo_bar``, ``foo-bar`` and ``FOO_BAR``.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_DEPTH: Final = 8

_NAMES: Final = (
    "token|secret|password|passwd|pwd|passphrase|api[_-]?key|private[_-]?key|credentials?|jwt"
    "|cookie"
)
_QUOTE: Final = r"\\?[\"']"
# One character of a value, or one escape of a JSON string: a line stays JSON.
_VALUE: Final = r"(?:[^\s\"',;&\\]|\\[^\"'\snrt])"
_SCHEME: Final = rf"(?:{_QUOTE})?(?:[a-z]{{1,16}} )?"
# None can take more than linear time.
_SHAPES: Final = tuple(
    re.compile(pattern)
    for pattern in (
        # JSON Web Tokens, whole or cut (RFC 7515, 3.1: the header is base64url of `{"`).
        r"()eyJ[A-Za-z0-9_=-]{8,}(?:\.[A-Za-z0-9_=-]*){0,4}",
        rf"(arqonbus\.bearer\.){_VALUE}+",
        # Credentials of HTTP (RFC 9110, 11.4).
        rf"(?i:(bearer\s{{1,3}})){_VALUE}+",
        r"([Bb]asic |[Nn]egotiate )(?=[a-z]{0,64}[A-Z0-9+/=])[A-Za-z0-9+/=_-]{6,}",
        rf"(?i:(authorization(?:{_QUOTE})?\s{{0,3}}[:=]\s{{0,3}}{_SCHEME})){_VALUE}+",
        # User information of a URL (RFC 3986, 3.2.1).
        r"(://)(?:[^\s\"'<>\\]|\\[^\"'\snrt]){1,512}(?=@)",
        # name=value, and "name": "value" of a dictionary that was printed.
        rf"(?i:((?:{_NAMES})\s{{0,3}}=\s{{0,3}}(?:{_QUOTE})?)){_VALUE}+",
        rf"(?i:((?:{_NAMES}){_QUOTE}\s{{0,3}}:\s{{0,3}}{_QUOTE}))(?:[^\"'\\]|\\[^\"'])+",
        r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(?:[^\"\\]|\\[\s\S])+",
    )
)


def mask_secrets(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Mask every value that is a secret by its type or by the name it is logged under, however
    deep it lies.
    """
    for name, value in event.items():
        event[name] = _masked(name, value, 0)
    return event


def mask_line(_logger: object, _method: str, line: object) -> str:
    """Mask whatever looks like a secret in a finished line; stands behind the renderer."""
    return mask_text(str(line))


def mask_text(text: str) -> str:
    """The text without anything that looks like a secret."""
    for shape in _SHAPES:
        text = shape.sub(rf"\g<1>{MASK}", text)
    return text


def is_secret_name(name: str) -> bool:
    """Whether what is called so must not be seen."""
    words = {word.lower() for word in _WORD.findall(name)}
    return bool(words & SECRET_WORDS) or ("key" in words and bool(words & _KEY_WORDS))


def _masked(name: object, value: object, depth: int) -> object:
    if isinstance(value, SecretStr) or (isinstance(name, str) and is_secret_name(name)):
        return MASK
    if isinstance(value, Mapping):
        return MASK if depth > _DEPTH else _masked_mapping(value, depth)
    if isinstance(value, list | tuple | set | frozenset) and depth <= _DEPTH:
        return [_masked(None, one, depth + 1) for one in value]
    return value


def _masked_mapping(value: Mapping[object, object], depth: int) -> dict[object, object]:
    return {name: _masked(name, one, depth + 1) for name, one in value.items()}
