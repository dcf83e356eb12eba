"""The issuer's keys: confused with secrets, away, poisoned, or sent elsewhere."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from checks.adversarial.answers import let_in, refused_at_the_door
from checks.adversarial.forge import KEY_ID, RsaForge, as_jwk, base64url, new_rsa_key
from checks.adversarial.listeners import Answer
from checks.adversarial.target import TENANT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from checks.adversarial.answers import Verdict
    from checks.adversarial.target import Target
    from checks.peer import Frame

_EVIL = "evil-1"
_IN = 101
# A key that may come yet is worth asking for again.
_UNKNOWN = (401, 503)
_FORMS = {
    "PEM": (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "PEM of PKCS 1": (Encoding.PEM, PublicFormat.PKCS1),
    "DER": (Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "DER of PKCS 1": (Encoding.DER, PublicFormat.PKCS1),
}


def keys(target: Target) -> Iterator[Verdict]:
    """The attacker's tokens are refused whatever becomes of the set; the issuer's are not."""
    forge = target.forge
    if not isinstance(forge, RsaForge):
        return
    evil = new_rsa_key()
    yield let_in("the issuer's token", target.show(target.token()))
    for name, token in _confused(forge, evil):
        yield refused_at_the_door(name, target.show(token), 401)
    right = target.issuer.tell(Answer(status=0))
    header = {"alg": "RS256", "typ": "JWT", "kid": _EVIL}
    # An unknown key makes it look, and whatever it finds is worth nothing to this token.
    token = forge.by_rsa(evil, header, forge.claims("root", TENANT))
    yield refused_at_the_door("a key that nobody knows", target.show(token), *_UNKNOWN)
    for name, answer in _poison(forge.key, evil, target.canary.url):
        target.issuer.tell(answer)
        target.issuer.wait_for_two(target.demands.answer)
        yield refused_at_the_door(name, target.show(token), *_UNKNOWN)
        yield let_in(f"the issuer's token, after {name}", target.show(target.token()))
    target.issuer.tell(right)


def _confused(forge: RsaForge, evil: RSAPrivateKey) -> Iterator[tuple[str, str]]:
    """What is public is no secret: HMAC over each form in which the key is handed around."""
    claims = forge.claims("root", TENANT)
    public = forge.key.public_key()
    for name, (encoding, form) in _FORMS.items():
        shared = public.public_bytes(encoding, form)
        for secret in dict.fromkeys((shared, shared.strip())):
            for header in ({"alg": "HS256", "kid": KEY_ID}, {"alg": "HS256"}):
                yield f"HS256 over {name}", forge.signed(header, claims, secret)
            yield (
                "RS256 that is HMAC",
                forge.signed({"alg": "RS256", "kid": KEY_ID}, claims, secret),
            )
    modulus = str(as_jwk(forge.key, KEY_ID)["n"])
    yield "HS256 over the modulus", forge.signed({"alg": "HS256"}, claims, modulus.encode())
    own = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
    yield "another key under this kid", forge.by_rsa(evil, own, claims)
    yield "another key without kid", forge.by_rsa(evil, {"alg": "RS256"}, claims)
    yield "its own jwk", forge.by_rsa(evil, {**own, "jwk": as_jwk(evil, KEY_ID)}, claims)
    for other in ("PS256", "RS384", "RS512", "ES256", "EdDSA", "none"):
        yield f"alg {other}", forge.by_rsa(forge.key, {**own, "alg": other}, claims)


def _poison(good: RSAPrivateKey, evil: RSAPrivateKey, away: str) -> Iterator[tuple[str, Answer]]:
    """Answers of the issuer's endpoint that must not be believed."""
    theirs, ours = as_jwk(evil, _EVIL), as_jwk(good, KEY_ID)
    private: Frame = {**theirs, "d": base64url(evil.private_numbers().d.to_bytes(256, "big"))}
    shared: Frame = {"kty": "oct", "kid": _EVIL, "alg": "RS256", "k": base64url(b"k" * 64)}
    for status in (301, 302, 303, 307, 308):
        yield f"a redirect ({status})", Answer({"keys": [theirs]}, status, {"Location": away})
    for status in (201, 204, 206, 401, 404, 500, 503):
        yield f"keys with status {status}", Answer({"keys": [theirs]}, status)
    yield "a connection that is closed", Answer(status=0)
    yield "a set with a private key", Answer({"keys": [private]})
    yield "a set with a secret", Answer({"keys": [shared]})
    yield "a set with one kid twice", Answer({"keys": [ours, {**theirs, "kid": KEY_ID}, theirs]})
    yield "a key for encryption", Answer({"keys": [{**theirs, "use": "enc"}]})
    yield "a key for another algorithm", Answer({"keys": [{**theirs, "alg": "none"}]})
    yield "a list", Answer([theirs])
    yield "no keys", Answer({"keys": []})
    yield "one key and no set", Answer(theirs)
    yield "a page", Answer(b"<html>log in</html>", headers={"Content-Type": "text/html"})
    yield "nothing", Answer(b"")
    yield "a set nested deep", Answer(b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    yield "a set of ten megabytes", Answer({"keys": [theirs], "pad": "x" * 10_000_000})
    yield "ten thousand keys", Answer({"keys": [{**theirs, "kid": f"k{n}"} for n in range(10_000)]})
    packed = gzip.compress(json.dumps({"keys": [theirs], "pad": " " * 50_000_000}).encode(), 1)
    yield "a set that is packed", Answer(packed, headers={"Content-Encoding": "gzip"})


def away(target: Target) -> Iterator[Verdict]:
    """Without its keys the bus lets nobody in any more, and with them again everybody."""
    right = target.issuer.tell(Answer(status=503))
    old = target.until(lambda: target.show(target.token()), lambda head: head.status != _IN)
    yield refused_at_the_door("keys that can't be renewed", old, 401, 503)
    target.issuer.tell(right)
    new = target.until(lambda: target.show(target.token()), lambda head: head.status == _IN)
    yield let_in("keys that are back", new)
