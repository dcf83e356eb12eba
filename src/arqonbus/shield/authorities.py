"""By which authorities the certificate of a JWK Set's endpoint is verified."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from arqonbus.shield.algorithms import KeyProblem

if TYPE_CHECKING:
    from pathlib import Path


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates are always verified: by the system's authorities, or by those of the file.

    Raises:
        OSError: the file can't be read, or holds no certificate.
    """
    return ssl.create_default_context(cafile=ca_file)


def read_authorities(file: Path | None) -> ssl.SSLContext:
    """How the endpoint's certificate is verified.

    Raises:
        KeyProblem: the file of authorities can't be used.
    """
    try:
        return tls_context(file)
    except (OSError, ValueError):
        raise KeyProblem(
            f"auth.jwks_ca_file: {file} cannot be read, or holds no PEM certificate"
        ) from None
