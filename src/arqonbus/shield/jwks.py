"""A JWK Set (RFC 7517) from the network: data that is judged, never believed as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import jwt
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from arqonbus.shield.algorithms import (
    MAX_RSA_BITS,
    Bound,
    KeyProblem,
    VerificationKey,
    as_public_key,
)
from arqonbus.shield.form import Object, read_object
from arqonbus.shield.keys import KEY_ID

MAX_SET_BYTES: Final = 256 * 1024
MAX_SET_KEYS: Final = 64
# RFC 7518, 6.2.2, 6.3.2 and 6.4: what only the holder of the private key has.
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS: Final = ("kty", "crv", "n", "e", "x", "y")
_MAX_NUMBER_CHARS: Final = MAX_RSA_BITS // 6 + 2
_READERS: Final[Mapping[str, Callable[[dict[str, object]], object]]] = {
    "RSA": RSAAlgorithm.from_jwk,
    "EC": ECAlgorithm.from_jwk,
    "OKP": OKPAlgorithm.from_jwk,
}

log = structlog.get_logger(__name__)


class KeySetError(Exception):
    """No set could be had: an outage, whatever came instead of one."""


def read_set(body: bytes, bound: Bound) -> tuple[VerificationKey, ...]:
    """The keys of a set that are for us; each of the others is logged.

    Raises:
        KeySetError: it is no JWK Set, names a key twice, or none of its keys is for us.
    """
    entries = _entries(body)
    ids = [entry.get("kid") for entry in entries if "kid" in entry]
    if any(ids.count(one) > 1 for one in ids):
        raise KeySetError("two keys of the set have the same kid")
    keys: list[VerificationKey] = []
    for number, entry in enumerate(entries, 1):
        try:
            keys.append(_key(entry, bound))
        except KeyProblem as problem:
            log.warning("a key of the JWK Set is not used", key=number, reason=str(problem))
    if not keys:
        raise KeySetError("no key of the set can be used")
    return tuple(keys)


def _entries(body: bytes) -> list[Object]:
    try:
        entries = read_object(body).get("keys")
    except ValueError as error:
        raise KeySetError(f"the answer is no JWK Set: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise KeySetError("the answer is no JWK Set with keys in it")
    if len(entries) > MAX_SET_KEYS:
        raise KeySetError(f"the set has {len(entries)} keys; {MAX_SET_KEYS} are the most")
    if not all(isinstance(entry, dict) for entry in entries):
        raise KeySetError("an entry of the set is no key")
    return entries


def _key(entry: Object, bound: Bound) -> VerificationKey:
    _check_purpose(entry)
    key_id = entry.get("kid")
    if key_id is not None and not (isinstance(key_id, str) and KEY_ID.fullmatch(key_id)):
        raise KeyProblem("its kid is not one that a token may name")
    algorithm, material = as_public_key(_material(entry), bound)
    if entry.get("alg", algorithm) != algorithm:
        raise KeyProblem(f"it is for another algorithm than {algorithm}")
    return VerificationKey(algorithm, material, key_id)


def _check_purpose(entry: Object) -> None:
    if _PRIVATE & entry.keys():
        raise KeyProblem("it holds private parts: whoever can read the set can sign with it")
    if entry.get("use", "sig") != "sig":
        raise KeyProblem("it is not for signatures (use)")
    operations = entry.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise KeyProblem("it is not for verifying (key_ops)")


def _material(entry: Object) -> object:
    members: dict[str, object] = {name: entry[name] for name in _MEMBERS if name in entry}
    if not all(isinstance(it, str) and len(it) <= _MAX_NUMBER_CHARS for it in members.values()):
        raise KeyProblem("a member of it is no text, or longer than in any key")
    read = _READERS.get(str(members.get("kty")))
    if read is None:
        raise KeyProblem("its kty is none of RSA, EC and OKP")
    try:
        return read(members)
    except (jwt.PyJWTError, UnsupportedAlgorithm, ValueError, TypeError):
        # What the libraries say may hold the key.
        raise KeyProblem("it is no key of its kty") from None
