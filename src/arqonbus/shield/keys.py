"""The keys of the settings and their files, read and judged before anything listens."""

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from arqonbus.config.shield import AuthSettings
from arqonbus.shield.algorithms import (
    SECRET_BYTES,
    SHARED,
    Bound,
    KeyProblem,
    VerificationKey,
    as_public_key,
    bind,
)
from arqonbus.shield.strength import weakness

MAX_KEY_BYTES: Final = 64 * 1024
# A token without a known `kid` is tried with each of them, so this bounds what a stranger costs.
MAX_KEYS: Final = 8
# A `kid` is only ever compared, never a file's name, a URL or a query.
KEY_ID: Final = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")
_MARKS: Final = (b"-----BEGIN", b'"kty"')
_FIRST_WORDS: Final = (b"ssh-", b"ecdsa-sha2-")


def read_keys(auth: AuthSettings) -> tuple[VerificationKey, ...]:
    """The keys that the settings and their files hold: none if a JWK Set is the only source.

    Raises:
        KeyProblem: for the first key that is absent, weak or does not fit, or too many of them.
    """
    bound = bind(auth.algorithm)
    if not (auth.secret or auth.secret_file or auth.public_key_file or auth.jwks_url):
        raise KeyProblem(
            "auth: tokens are required but there is no key: set auth.secret_file, auth.secret, "
            "auth.public_key_file or auth.jwks_url"
        )
    if not bound:
        raise KeyProblem("auth.algorithm: must be given with public keys, such as RS256 or EdDSA")
    keys = tuple(_keys(auth, bound))
    if len(keys) > MAX_KEYS:
        raise KeyProblem(f"auth: {len(keys)} keys are given; {MAX_KEYS} are the most")
    ids = [key.id for key in keys if key.id is not None]
    for one in ids:
        if ids.count(one) > 1:
            raise KeyProblem(f"auth: two key files are named {one}, which is the key's id")
    return keys


def _keys(auth: AuthSettings, bound: Bound) -> Iterator[VerificationKey]:
    if auth.secret is not None:
        yield _shared("auth.secret", auth.secret.get_secret_value().encode(), bound, None)
    for path in auth.secret_file:
        name = f"auth.secret_file: {path}"
        secret = read_file(path, "auth.secret_file").rstrip(b"\r\n")
        yield _shared(name, secret, bound, _id_of(path, name))
    for path in auth.public_key_file:
        yield _public(path, bound)


def _id_of(path: Path, name: str) -> str:
    if not KEY_ID.fullmatch(path.stem):
        raise KeyProblem(f"{name}: the file's name is the key's id; use A-Z a-z 0-9 . _ - in it")
    return path.stem


def _shared(name: str, secret: bytes, bound: Bound, key_id: str | None) -> VerificationKey:
    if SHARED not in bound:
        raise KeyProblem(f"auth.algorithm: names no HS algorithm, but {name} is a secret")
    algorithm = bound[SHARED]
    if problem := secret_problem(secret, algorithm):
        raise KeyProblem(f"{name}: the secret {problem}")
    return VerificationKey(algorithm, secret, key_id)


def secret_problem(secret: bytes, algorithm: str) -> str | None:
    """Why a secret can't sign with an HS algorithm, or None; never a part of it."""
    if is_public_key(secret):
        # The classic confusion: anyone who can read the public key could sign.
        return "is a public key or a JWK; auth.public_key_file is for those"
    return weakness(secret, SECRET_BYTES[algorithm])


def is_public_key(secret: bytes) -> bool:
    """Whether the bytes are a key in any of the forms in which public keys are handed around."""
    if secret.lstrip().startswith(_FIRST_WORDS) or any(mark in secret for mark in _MARKS):
        return True
    forms = [secret]
    with contextlib.suppress(binascii.Error, ValueError):
        forms.append(base64.b64decode(secret))
    for form in forms:
        with contextlib.suppress(ValueError, UnsupportedAlgorithm):
            load_der_public_key(form)
            return True
    return False


def _public(path: Path, bound: Bound) -> VerificationKey:
    name = f"auth.public_key_file: {path}"
    content = read_file(path, "auth.public_key_file")
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem(f"{name} holds no PEM public key (a private key is refused)") from None
    if content.count(b"-----BEGIN") > 1:
        raise KeyProblem(f"{name} holds more than one key; give each a file of its own")
    try:
        algorithm, public = as_public_key(key, bound)
    except KeyProblem as problem:
        raise KeyProblem(f"{name}: the key {problem}") from None
    return VerificationKey(algorithm, public, _id_of(path, name))


def read_file(path: Path, name: str) -> bytes:
    """All of a key's file.

    Raises:
        KeyProblem: it can't be read, or is larger than any key.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise KeyProblem(f"{name}: {path} cannot be read: {error.strerror}") from None
    except ValueError:  # a NUL in the name
        raise KeyProblem(f"{name}: is not a file name") from None
    if len(content) > MAX_KEY_BYTES:
        raise KeyProblem(f"{name}: {path} is larger than any key")
    return content
