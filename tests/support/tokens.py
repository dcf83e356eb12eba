"""Keys and tokens, well made and badly made, without the bus' own code."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

SECRET = "q8Zt-4vX_mN2pLr7KcW9sYb3HdJf6GaE"
DAY = 86_400


def signed(
    key: Any = SECRET,
    algorithm: str = "HS256",
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token of ada in tenant acme for a day; `claims` replace its own, None leaves one out."""
    own = {"sub": "ada", "tenant": "acme", "exp": int(time.time()) + DAY}
    content = {name: value for name, value in (own | claims).items() if value is not None}
    return jwt.encode(content, key, algorithm, headers=headers)


def part(content: object) -> str:
    """One part of a token: bytes or text as they are, anything else as JSON."""
    if isinstance(content, str):
        content = content.encode()
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hand_signed(header: object, claims: object, secret: bytes = SECRET.encode()) -> str:
    """A token with an honest HS256 signature over whatever its parts are."""
    body = f"{part(header)}.{part(claims)}"
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{body}.{part(hmac.sign(body.encode(), secret))}"


def public_pem(key: Private) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: Private) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_file(folder: Path, name: str, key: Private) -> Path:
    file = folder / f"{name}.pem"
    file.write_bytes(public_pem(key))
    return file


def jwk(key: Private, **members: object) -> dict[str, object]:
    """The key's public part as a JWK, with members such as kid."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        made = RSAAlgorithm.to_jwk(public, as_dict=True)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        made = ECAlgorithm.to_jwk(public, as_dict=True)
    else:
        made = OKPAlgorithm.to_jwk(public, as_dict=True)
    # The library says "verify" of a public key, which is one of the things that may be left out.
    made.pop("key_ops", None)
    return {**made, **members}
