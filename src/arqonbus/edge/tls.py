"""TLS of the server: certificates are judged before they are used, and replaced while it runs."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import MD5, SHA1

from arqonbus.config.shield import TlsSettings

MIN_RSA_BITS: Final = 2048
MIN_EC_BITS: Final = 256
MAX_FILE_BYTES: Final = 1024 * 1024

# For TLS 1.2; those of 1.3 are all sound. Forward secrecy and authenticated encryption only.
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
_WEAK_HASHES: Final = (MD5, SHA1)


class TlsProblem(Exception):  # noqa: N818 - it is what the preflight lists, not a crash
    """Why there is no TLS with these files; the text never holds a part of a key."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What new connections are served with, and until when it holds (unix seconds)."""

    context: ssl.SSLContext
    expires: float


class Tls:
    """The certificates in force.

    A connection keeps those it began with, so replacing them breaks none.
    """

    def __init__(
        self,
        settings: TlsSettings,
        now: Callable[[], float],
        loaded: Callable[[Loaded], None],
    ) -> None:
        """Load them; `loaded` is told now and after each reload.

        Raises:
            TlsProblem: they can't be used.
        """
        self._settings = settings
        self._now = now
        self._loaded = loaded
        self.prepare()()

    @property
    def context(self) -> ssl.SSLContext:
        """For the next handshake."""
        return self._current.context

    def prepare(self) -> Callable[[], None]:
        """Read the files again; what is returned puts them into force.

        Raises:
            TlsProblem: they can't be used; what was in force still is.
        """
        fresh = load(self._settings, self._now())

        def swap() -> None:
            self._current = fresh
            self._loaded(fresh)

        return swap


def load(settings: TlsSettings, now: float) -> Loaded:
    """Read and judge all files.

    Raises:
        TlsProblem: naming the setting and what is wrong with it.
    """
    if settings.cert_file is None or settings.key_file is None:
        raise TlsProblem("tls.cert_file and tls.key_file belong together: give both")
    expires = _judge(_certificates(settings.cert_file), now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    _own(context, settings.cert_file, settings.key_file, _password(settings.key_password_file))
    if settings.client_ca_file is not None:
        _trust(context, settings.client_ca_file)
    return Loaded(context, expires)


def _own(context: ssl.SSLContext, cert: Path, key: Path, password: bytes) -> None:
    _read(key, "tls.key_file")
    try:
        # Always with a password: without one the library would ask for it on the terminal.
        context.load_cert_chain(cert, key, password=lambda: password)
    except (ssl.SSLError, OSError, ValueError) as error:
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            raise TlsProblem(
                f"tls.key_file: {key} is not the key of the certificate in tls.cert_file"
            ) from None
        raise TlsProblem(
            f"tls.key_file: {key} holds no usable PEM private key, or tls.key_password_file does "
            "not open it"
        ) from None


def _trust(context: ssl.SSLContext, authorities: Path) -> None:
    _read(authorities, "tls.client_ca_file")
    try:
        context.load_verify_locations(cafile=authorities)
    except (ssl.SSLError, OSError):
        raise TlsProblem(f"tls.client_ca_file: {authorities} holds no PEM certificate") from None
    context.verify_mode = ssl.CERT_REQUIRED


def _judge(chain: list[x509.Certificate], now: float) -> float:
    """When the first of its certificates ends."""
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    for certificate in chain:
        if certificate.not_valid_after_utc <= moment:
            raise TlsProblem(
                f"tls.cert_file: a certificate in it expired at {certificate.not_valid_after_utc}"
            )
        if certificate.not_valid_before_utc > moment:
            raise TlsProblem(
                "tls.cert_file: a certificate in it is not valid before "
                f"{certificate.not_valid_before_utc}"
            )
    weak = _weakness(chain[0])
    if weak:
        raise TlsProblem(f"tls.cert_file: its certificate {weak}")
    return min(certificate.not_valid_after_utc.timestamp() for certificate in chain)


def _weakness(certificate: x509.Certificate) -> str | None:
    if isinstance(certificate.signature_hash_algorithm, _WEAK_HASHES):
        return f"is signed with {certificate.signature_hash_algorithm.name}, which can be forged"
    match certificate.public_key():
        case RSAPublicKey(key_size=bits) if bits >= MIN_RSA_BITS:
            return None
        case EllipticCurvePublicKey(curve=curve) if curve.key_size >= MIN_EC_BITS:
            return None
        case Ed25519PublicKey() | Ed448PublicKey():
            return None
        case _:
            return (
                f"has a weak key: RSA of {MIN_RSA_BITS} bits, EC of {MIN_EC_BITS} bits or EdDSA "
                "is the least"
            )


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(path, "tls.cert_file"))
    except ValueError:
        raise TlsProblem(f"tls.cert_file: {path} holds no PEM certificate") from None


def _password(path: Path | None) -> bytes:
    return b"" if path is None else _read(path, "tls.key_password_file").rstrip(b"\r\n")


def _read(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise TlsProblem(f"{name}: {path} cannot be read: {error.strerror}") from None
    except ValueError:  # a NUL in the name
        raise TlsProblem(f"{name}: is not a file name") from None
    if len(content) > MAX_FILE_BYTES:
        raise TlsProblem(f"{name}: {path} is larger than any such file")
    return content
