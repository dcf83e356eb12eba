"""Which kind of key each signature algorithm takes (RFC 7518, section 3; RFC 8037)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from arqonbus.config.shield import Algorithm

SHARED: Final = "shared secret"
SECRET_BYTES: Final[Mapping[str, int]] = {"HS256": 32, "HS384": 48, "HS512": 64}
MIN_RSA_BITS: Final = 2048
# Verifying costs time that grows with the square of it, for whoever sends a token.
MAX_RSA_BITS: Final = 8192
KINDS: Final[Mapping[Algorithm, str]] = {
    "HS256": SHARED,
    "HS384": SHARED,
    "HS512": SHARED,
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "PS256": "RSA",
    "PS384": "RSA",
    "PS512": "RSA",
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "EdDSA": "Ed25519",
}
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class KeyProblem(Exception):  # noqa: N818 - it is what the preflight lists, not a crash
    """Why a key can't be used; the text never holds a part of it."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key that fits its algorithm, and may be named by a token's `kid`."""

    algorithm: Algorithm
    material: bytes | PublicKey = field(repr=False)
    id: str | None = None


Bound = Mapping[str, Algorithm]


def bind(algorithms: Iterable[Algorithm]) -> Bound:
    """The one algorithm of each kind of key.

    A key that held for two algorithms would leave the choice to the token (RFC 8725, 3.1).

    Raises:
        KeyProblem: two algorithms are for the same kind.
    """
    bound: dict[str, Algorithm] = {}
    for algorithm in algorithms:
        other = bound.setdefault(KINDS[algorithm], algorithm)
        if other != algorithm:
            raise KeyProblem(
                f"auth.algorithm: {other} and {algorithm} are for the same kind of key "
                f"({KINDS[algorithm]}), and each key holds for exactly one: remove one of them"
            )
    return bound


def as_public_key(key: object, bound: Bound) -> tuple[Algorithm, PublicKey]:
    """The key, and the algorithm that its kind has in the configuration.

    Raises:
        KeyProblem: it is of a kind that has none, or too weak; the text goes on from "the key".
    """
    if isinstance(key, rsa.RSAPublicKey):
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            raise KeyProblem(
                f"is an RSA key of {key.key_size} bits; at least {MIN_RSA_BITS} are needed, and "
                f"{MAX_RSA_BITS} are the most"
            )
        return _bound("RSA", bound), key
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _bound(_CURVES.get(key.curve.name, key.curve.name), bound), key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _bound("Ed25519", bound), key
    raise KeyProblem("is of a kind that signs no tokens")


def _bound(kind: str, bound: Bound) -> Algorithm:
    if kind in bound:
        return bound[kind]
    fitting = " or ".join(name for name, takes in KINDS.items() if takes == kind)
    raise KeyProblem(
        f"is of kind {kind}, for which auth.algorithm names nothing"
        + (f": it may name {fitting}" if fitting else "")
    )
