"""TLS of the client: whom it believes, and the certificate it presents."""

from __future__ import annotations

import ssl
from pathlib import Path

from arqonbus.client.errors import InvalidArgumentError


def tls_context(
    *,
    ca_file: Path | str | None = None,
    cert_file: Path | str | None = None,
    key_file: Path | str | None = None,
    key_password: str | None = None,
) -> ssl.SSLContext:
    """What `Client(ssl_context=…)` takes for a ``wss`` address. The server is always verified.

    Args:
        ca_file: PEM file with the authorities to believe instead of the system's.
        cert_file: PEM file with the certificate to present to a bus that demands one.
        key_file: PEM file with that one's key; None when it is in `cert_file`.
        key_password: the key's password.

    Raises:
        InvalidArgumentError: a file can't be used.
    """
    if key_file is not None and cert_file is None:
        raise InvalidArgumentError("a key file needs its certificate file")
    try:
        context = ssl.create_default_context(cafile=ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if cert_file is not None:
            # Always with a password: without one the library would ask for it on the terminal.
            context.load_cert_chain(cert_file, key_file, password=lambda: key_password or "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        names = ", ".join(str(name) for name in (ca_file, cert_file, key_file) if name is not None)
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidArgumentError(f"{names}: not usable for TLS: {reason}") from None
    return context
