"""Signing tokens, for operators and tests; the bus itself only ever verifies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from arqonbus.config.shield import Algorithm
from arqonbus.shield.algorithms import KINDS, SHARED, KeyProblem, as_public_key
from arqonbus.shield.form import MAX_TOKEN_CHARS
from arqonbus.shield.keys import read_file, secret_problem

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

# What signs when nothing is said, by the kind of key.
_USUAL: Final[tuple[Algorithm, ...]] = ("RS256", "ES256", "ES384", "ES512", "EdDSA")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that can sign, and with what."""

    algorithm: Algorithm
    material: bytes | PrivateKey = field(repr=False)

    def sign(self, claims: Mapping[str, object], key_id: str | None = None) -> str:
        """A token with these claims.

        Raises:
            KeyProblem: it would be larger than any token that is accepted.
        """
        header = {} if key_id is None else {"kid": key_id}
        token = jwt.encode(dict(claims), self.material, self.algorithm, headers=header)
        if len(token) > MAX_TOKEN_CHARS:
            raise KeyProblem(f"the token would be longer than {MAX_TOKEN_CHARS} characters")
        return token


def read_signing_key(path: Path, algorithm: Algorithm | None) -> SigningKey:
    """The key in a file: a private key in PEM, or else a secret.

    Raises:
        KeyProblem: it can't be read, is weak, encrypted or public, or does not fit the algorithm.
    """
    content = read_file(path, "--key")
    if b"-----BEGIN" in content:
        return _private(path, content, algorithm)
    chosen = algorithm or "HS256"
    if KINDS[chosen] != SHARED:
        raise KeyProblem(f"--key: {path} holds no PEM private key, which {chosen} needs")
    secret = content.rstrip(b"\r\n")
    if problem := secret_problem(secret, chosen):
        raise KeyProblem(f"--key: {path}: the secret {problem}")
    return SigningKey(chosen, secret)


def _private(path: Path, content: bytes, algorithm: Algorithm | None) -> SigningKey:
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyProblem(
            f"--key: {path} holds no PEM private key, or one that needs a password"
        ) from None
    names = _USUAL if algorithm is None else (algorithm,)
    try:
        fitting, _ = as_public_key(key.public_key(), {KINDS[name]: name for name in names})
    except KeyProblem as problem:
        raise KeyProblem(f"--key: the key in {path} {problem}") from None
    if not isinstance(key, PrivateKey):
        raise KeyProblem(f"--key: the key in {path} signs no tokens")
    return SigningKey(fitting, key)
