"""Tokens that are bound to a client certificate (RFC 8705, section 3)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from arqonbus.model.principal import Principal
from arqonbus.shield.interface import AuthError, AuthReason


def thumbprint(certificate: bytes) -> str:
    """The `x5t#S256` of a certificate in DER."""
    return base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()


def check_binding(principal: Principal, certificate: str | None) -> None:
    """Refuse a bound token from anybody but the holder of the certificate it is bound to.

    Args:
        principal: whom the token names.
        certificate: the `thumbprint` of what the client proved to hold in its TLS handshake.

    Raises:
        AuthError: it presented another certificate or none, or the token is bound in a way that
            can't be proven here.
    """
    if "cnf" not in principal.claims:
        return
    cnf = principal.claims["cnf"]
    if not isinstance(cnf, dict) or set(cnf) != {"x5t#S256"}:
        raise AuthError(AuthReason.CLAIMS, "the token is bound in a way that is not supported")
    wanted = cnf["x5t#S256"]
    if certificate is None:
        raise AuthError(AuthReason.CLAIMS, "the token is bound to a certificate: present it")
    if not isinstance(wanted, str) or not hmac.compare_digest(
        wanted.encode(errors="replace"), certificate.encode()
    ):
        raise AuthError(AuthReason.CLAIMS, "the token is bound to another certificate")
