"""Tokens that must not open the door, and a few that must."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from checks.adversarial.answers import let_in, refused_at_the_door
from checks.adversarial.forge import Forge, base64url, encoded
from checks.adversarial.target import TENANT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checks.adversarial.answers import Verdict
    from checks.adversarial.target import Target

_HS256 = {"alg": "HS256", "typ": "JWT"}
_NONE = ("none", "None", "NONE", "nOnE", "none ", "", "null", "NoNe\x00", "hs256", "HS0")
_OTHERS = ("HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", "dir", "A256KW", "RS1")
_KEY_IDS = (
    "../../../../dev/null",
    "/dev/null",
    "' UNION SELECT 'x",
    "| cat /etc/passwd",
    "\x00",
    "k" * 5000,
    "http://127.0.0.1/k",
    ["a"],
    {"a": 1},
    7,
    None,
)


def tokens(target: Target) -> Iterator[Verdict]:
    """Each forged token is refused with 401, and the good ones let in."""
    yield let_in("a good token", target.show(target.token()))
    for name, token in _all(target.forge):
        answer = target.show(token)
        yield refused_at_the_door(name, answer, *((401, 400) if _odd(token) else (401,)))
    for name, token in _huge(target.forge):
        # A head may be too large before the token in it is read.
        yield refused_at_the_door(name, target.show(token), 401, 400, 413, 431, 0)
    yield let_in("a good token after all of them", target.show(target.token()))


def _all(forge: Forge) -> Iterator[tuple[str, str]]:
    yield from _algorithms(forge)
    yield from _headers(forge)
    yield from _signatures(forge)
    yield from _claims(forge)
    yield from _shapes(forge)


def _algorithms(forge: Forge) -> Iterator[tuple[str, str]]:
    claims = forge.claims("probe", TENANT)
    for spelling in _NONE:
        yield f"alg {spelling!r}, unsigned", forge.unsigned({"alg": spelling}, claims)
        yield f"alg {spelling!r}, signed", forge.signed({"alg": spelling}, claims)
    for other in _OTHERS:
        yield f"alg {other}", forge.signed({"alg": other, "typ": "JWT"}, claims)
    for value in (None, 0, True, ["HS256"], {"HS256": 1}):
        yield f"alg {value!r}", forge.signed({"alg": value}, claims)
    yield "no alg", forge.signed({"typ": "JWT"}, claims)


def _headers(forge: Forge) -> Iterator[tuple[str, str]]:
    claims = forge.claims("probe", TENANT)
    wrong = b"another key, of the attacker's own"
    for value in _KEY_IDS:
        yield f"kid {value!r:.40}", forge.signed({**_HS256, "kid": value}, claims, wrong)
    yield "kid and an empty key", forge.signed({**_HS256, "kid": "/dev/null"}, claims, b"")
    own = {"kty": "oct", "k": base64url(wrong)}
    yield "jwk of its own", forge.signed({**_HS256, "jwk": own}, claims, wrong)
    yield "x5c of its own", forge.signed({**_HS256, "x5c": [encoded(own)]}, claims, wrong)
    for name, value in (("crit", ["exp"]), ("crit", ["b64"]), ("crit", []), ("b64", False)):
        yield f"{name} {value}", forge.signed({**_HS256, name: value}, claims)
    yield "alg twice", forge.signed(b'{"alg":"none","alg":"HS256"}', claims)
    yield "a header that is a list", forge.signed(b'["HS256"]', claims)
    yield "a header that is no JSON", forge.signed(b"HS256", claims)
    yield "a header in UTF-16", forge.signed(json.dumps(_HS256).encode("utf-16"), claims)
    yield "an identity token", forge.signed({**_HS256, "typ": "dpop+jwt"}, claims)


def _signatures(forge: Forge) -> Iterator[tuple[str, str]]:
    good = forge.good("probe", TENANT)
    head, body, mark = good.split(".")
    other = encoded(forge.claims("root", TENANT))
    yield "another's key", forge.signed(_HS256, forge.claims("probe", TENANT), b"x" * 64)
    yield "no signature", forge.kept(f"{head}.{body}.")
    yield "a cut signature", forge.kept(f"{head}.{body}.{mark[:-4]}")
    yield "a long signature", forge.kept(f"{head}.{body}.{mark}AAAA")
    yield "a changed signature", forge.kept(f"{head}.{body}.{_changed(mark)}")
    yield "claims under another's signature", forge.kept(f"{head}.{other}.{mark}")
    yield "a header under another's", forge.kept(f"{encoded({'alg': 'HS512'})}.{body}.{mark}")
    yield "a signature of zeros", forge.kept(f"{head}.{body}.{base64url(bytes(32))}")


def _claims(forge: Forge) -> Iterator[tuple[str, str]]:
    now = int(time.time())
    changes: tuple[Mapping[str, object], ...] = (
        {"exp": now - 3600},
        {"exp": 0},
        {"exp": -1},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"exp": [now + 60]},
        {"exp": 10**400},
        {"exp": 1e300},
        {"nbf": now + 3600},
        {"iat": now + 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": ["probe"]},
        {"sub": "a\nb"},
        {"sub": "x" * 2000},
        {"sub": "e\u0301"},
        {"tenant": None},
        {"tenant": ""},
        {"tenant": "acme/room"},
        {"tenant": "\u0430cme"},
        {"tenant": ["acme"]},
        {"tenant": ".."},
        {"aud": "another service"},
    )
    for change in changes:
        claims = Forge.claims("probe", TENANT)
        changed = {name: value for name, value in {**claims, **change}.items() if value is not None}
        yield f"claims with {change!r:.60}", forge.signed(_HS256, changed)
    text = json.dumps(Forge.claims("probe", TENANT))
    yield "exp twice", forge.signed(_HS256, f'{{"exp":1,{text[1:]}'.encode())
    yield "exp NaN", forge.signed(_HS256, f'{{"nbf":NaN,{text[1:]}'.encode())
    yield "exp Infinity", forge.signed(_HS256, b'{"sub":"a","tenant":"a","exp":Infinity}')
    yield "a lone surrogate", forge.signed(_HS256, b'{"sub":"\\ud800","tenant":"a","exp":9e9}')


def _shapes(forge: Forge) -> Iterator[tuple[str, str]]:
    good = forge.good("probe", TENANT)
    head, body, mark = good.split(".")
    yield "one part", forge.kept(body)
    yield "two parts", forge.kept(f"{head}.{body}")
    yield "four parts", forge.kept(f"{good}.{mark}")
    yield "five parts, as if encrypted", forge.kept(f"{good}.{mark}.{mark}")
    yield "with padding", forge.kept(f"{head}=.{body}=.{mark}=")
    yield "in plain base64", forge.kept(f"{head}.{body}.{mark[:-1]}+")
    yield "a JSON Web Signature in JSON", forge.kept(json.dumps({"payload": body}))
    yield "claims that are a list", forge.signed(_HS256, [1])
    yield "claims that are no JSON", forge.signed(_HS256, b"\xff\xfe")
    yield "a token within a token", forge.signed({**_HS256, "cty": "JWT"}, good.encode())
    yield "claims nested deep", forge.signed(_HS256, b'{"a":' * 500 + b"1" + b"}" * 500)
    yield "letters beyond ASCII", forge.kept("\u00e4.\u00f6.\u00fc")
    yield "dots alone", ".."
    yield "nothing", ""


def _huge(forge: Forge) -> Iterator[tuple[str, str]]:
    for size in (9_000, 60_000, 1_000_000):
        claims = {**forge.claims("probe", TENANT), "pad": "x" * size}
        yield f"a token of {size} characters", forge.signed(_HS256, claims)
    deep = b"[" * 100_000 + b"]" * 100_000
    yield "a header nested 100000 deep", forge.signed(b'{"alg":' + deep + b"}", {})


def _changed(text: str) -> str:
    return ("A" if text[0] != "A" else "B") + text[1:]


def _odd(token: str) -> bool:
    """A header field can't carry it, so the request as a whole may be refused."""
    return not token.isascii() or not token.isprintable()
