"""The one key that tokens are verified with, read and judged before anything listens."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from arqonbus.config.model import AuthSettings
from arqonbus.shield.strength import weakness

MIN_RSA_BITS: Final = 2048
MAX_KEY_BYTES: Final = 64 * 1024

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey


class KeyProblem(Exception):  # noqa: N818 - it is what the preflight lists, not a crash
    """Why there is no key to verify with; the text never holds a part of it."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key that fits its algorithm."""

    algorithm: str
    material: bytes | PublicKey = field(repr=False)


def read_key(auth: AuthSettings) -> VerificationKey:
    """The key that the settings name.

    Raises:
        KeyProblem: when there is none, more than one, or one that is weak or does not fit.
    """
    given = [auth.secret, auth.secret_file, auth.public_key_file]
    if sum(source is not None for source in given) > 1:
        raise KeyProblem(
            "auth: give exactly one of secret, secret_file and public_key_file: "
            "with two of them it is unclear which one holds"
        )
    if auth.public_key_file is not None:
        return _public(auth.public_key_file, auth.algorithm)
    if auth.secret is not None:
        return _shared("auth.secret", auth.secret.get_secret_value().encode(), auth.algorithm)
    if auth.secret_file is not None:
        secret = _read(auth.secret_file, "auth.secret_file").rstrip(b"\r\n")
        return _shared("auth.secret_file", secret, auth.algorithm)
    raise KeyProblem(
        "auth: tokens are required but there is no key: "
        "set auth.secret_file, auth.secret or auth.public_key_file"
    )


def _shared(name: str, secret: bytes, algorithm: str | None) -> VerificationKey:
    if algorithm not in {"HS256", None}:
        raise KeyProblem(f"auth.algorithm: {algorithm} needs auth.public_key_file, not {name}")
    weak = weakness(secret)
    if weak is not None:
        raise KeyProblem(f"{name}: the secret {weak}")
    return VerificationKey("HS256", secret)


def _public(path: Path, algorithm: str | None) -> VerificationKey:
    # HS256 over a public key is the classic confusion: anyone who can read the key could sign.
    if algorithm in {"HS256", None}:
        raise KeyProblem(
            "auth.algorithm: with auth.public_key_file it must be RS256, PS256, ES256 or EdDSA"
        )
    try:
        key = load_pem_public_key(_read(path, "auth.public_key_file"))
    except (ValueError, UnsupportedAlgorithm):
        raise KeyProblem(
            f"auth.public_key_file: {path} holds no PEM public key (a private key is refused)"
        ) from None
    match algorithm, key:
        case (("RS256" | "PS256"), RSAPublicKey()):
            if key.key_size < MIN_RSA_BITS:
                raise KeyProblem(
                    f"auth.public_key_file: {path} is an RSA key of {key.key_size} bits; "
                    f"at least {MIN_RSA_BITS} are needed"
                )
            return VerificationKey(algorithm, key)
        case "ES256", EllipticCurvePublicKey(curve=SECP256R1()):
            return VerificationKey(algorithm, key)
        case "EdDSA", Ed25519PublicKey():
            return VerificationKey(algorithm, key)
        case _:
            raise KeyProblem(f"auth.public_key_file: the key in {path} is no key for {algorithm}")


def _read(path: Path, name: str) -> bytes:
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
