"""Tokens made by hand: good ones, and such as no library would make."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Mapping

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
_HOUR = 3600
_LEAST_PART = 16
KEY_ID = "issuer-1"


class Forge:
    """Makes tokens and remembers each, since none may be seen again in what a bus writes."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.made: set[str] = set()

    def good(self, subject: str, tenant: str, **claims: object) -> str:
        """A token as the issuer would make it."""
        return self.signed({"alg": "HS256", "typ": "JWT"}, self.claims(subject, tenant, **claims))

    @staticmethod
    def claims(subject: str, tenant: str, **more: object) -> dict[str, object]:
        """Claims that hold now; None leaves one out."""
        now = int(time.time())
        whole = {
            "sub": subject,
            "tenant": tenant,
            "iat": now,
            "exp": now + _HOUR,
            "jti": secrets.token_hex(12),
        } | more
        return {name: value for name, value in whole.items() if value is not None}

    def signed(
        self, header: Mapping[str, object] | bytes, claims: object, key: bytes | None = None
    ) -> str:
        """A token with an HMAC, by the header's algorithm where it is one, else by SHA-256."""
        algorithm = "HS256" if isinstance(header, bytes) else str(header.get("alg"))
        signing = f"{encoded(header)}.{encoded(claims)}"
        mark = hmac.new(
            self.secret if key is None else key,
            signing.encode(),
            _HASHES.get(algorithm, hashlib.sha256),
        )
        return self.kept(f"{signing}.{base64url(mark.digest())}")

    def by_rsa(
        self, key: rsa.RSAPrivateKey, header: Mapping[str, object], claims: Mapping[str, object]
    ) -> str:
        """A token signed as RS256."""
        signing = f"{encoded(header)}.{encoded(claims)}"
        mark = key.sign(signing.encode(), padding.PKCS1v15(), hashes.SHA256())
        return self.kept(f"{signing}.{base64url(mark)}")

    def unsigned(self, header: Mapping[str, object] | bytes, claims: object) -> str:
        """A token whose third part is empty."""
        return self.kept(f"{encoded(header)}.{encoded(claims)}.")

    def kept(self, token: str) -> str:
        """Remember a token."""
        self.made.add(token)
        return token

    def parts(self) -> set[str]:
        """All that would betray one of them, or the secret: claims and signatures, not headers."""
        found = {part for token in self.made for part in token.split(".")[1:]}
        return {part for part in found if len(part) >= _LEAST_PART} | {self.secret.decode()}


class RsaForge(Forge):
    """The same for a bus that takes the keys of a JWK Set."""

    def __init__(self, secret: bytes) -> None:
        super().__init__(secret)
        self.key = new_rsa_key()

    def good(self, subject: str, tenant: str, **claims: object) -> str:
        """A token as the issuer would make it."""
        header = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        return self.by_rsa(self.key, header, self.claims(subject, tenant, **claims))


def encoded(value: object) -> str:
    """JSON in base64url; bytes as they are."""
    return base64url(value if isinstance(value, bytes) else json.dumps(value).encode())


def base64url(data: bytes) -> str:
    """RFC 7515, section 2."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_rsa_key() -> rsa.RSAPrivateKey:
    """A key of a size that nobody refuses."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=2048)


def as_jwk(key: rsa.RSAPrivateKey, key_id: str) -> dict[str, object]:
    """The public half, as a JWK Set holds it."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": key_id,
        "n": _number(numbers.n),
        "e": _number(numbers.e),
    }


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))
