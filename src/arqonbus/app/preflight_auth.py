"""What must hold of tokens and their keys before anything listens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from arqonbus.app.addresses import is_loopback
from arqonbus.config.model import Settings
from arqonbus.config.shield import KEY_FIELDS, AuthSettings
from arqonbus.shield.algorithms import KINDS, SHARED, KeyProblem
from arqonbus.shield.authorities import read_authorities
from arqonbus.shield.keys import read_keys

# RFC 7519, 4.1: they have a meaning of their own, and whoever issues tokens may let others choose
# some of them.
_REGISTERED: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
# What the bus itself reads in them (docs/access.md; RFC 7800).
_OWN: Final = frozenset({"roles", "access", "cnf"})
_ONLY_WITH_TOKENS: Final = (
    *KEY_FIELDS,
    "jwks_ca_file",
    "algorithm",
    "issuer",
    "audience",
    "max_lifetime",
)


def auth_problems(settings: Settings) -> Iterator[str]:
    """Every reason not to start that lies in the settings of authentication."""
    auth = settings.auth
    if auth.mode == "none":
        for name in _ONLY_WITH_TOKENS:
            if dict(auth)[name] not in {None, ()}:
                yield (
                    f"auth.{name} is set but auth.mode is none, so no token would be checked: "
                    "remove one of the two"
                )
        return
    try:
        read_keys(auth)
    except KeyProblem as problem:
        yield str(problem)
    yield from _key_set(auth)
    if auth.tenant_claim in _REGISTERED | _OWN:
        yield f"auth.tenant_claim: {auth.tenant_claim} means something else in every token"
    if settings.profile == "prod":
        yield from _mixed(auth)


def _key_set(auth: AuthSettings) -> Iterator[str]:
    if auth.jwks_url is None:
        if auth.jwks_ca_file is not None:
            yield "auth.jwks_ca_file is set but auth.jwks_url is not: remove it"
        return
    secure = _is_secure(auth.jwks_url)
    if secure is None:
        yield "auth.jwks_url: must be https; http is for an endpoint on this machine's loopback"
    elif auth.jwks_ca_file is not None and not secure:
        yield "auth.jwks_ca_file is set but auth.jwks_url is without TLS: use https, or remove it"
    else:
        try:
            read_authorities(auth.jwks_ca_file)
        except KeyProblem as problem:
            yield str(problem)
    if auth.jwks_max_age < 2 * auth.jwks_refresh:
        yield (
            "auth.jwks_max_age is less than twice auth.jwks_refresh, so a fetch that is only a "
            "little late would keep everybody out"
        )
    if all(KINDS[algorithm] == SHARED for algorithm in auth.algorithm):
        yield "auth.algorithm: a JWK Set holds public keys, so it must name such as RS256 or EdDSA"


def _is_secure(url: str) -> bool | None:
    """Whether it is https (or http to loopback, which is False); None when it is neither."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme == "https" and host and not parts.fragment:
        return True
    return False if parts.scheme == "http" and is_loopback(host) else None


def _mixed(auth: AuthSettings) -> Iterator[str]:
    symmetric = auth.secret is not None or bool(auth.secret_file)
    asymmetric = auth.jwks_url is not None or bool(auth.public_key_file)
    kinds = {KINDS[algorithm] == SHARED for algorithm in auth.algorithm}
    if (symmetric and asymmetric) or len(kinds) > 1:
        yield (
            "profile prod takes secrets or public keys, not both: whoever verifies with a secret "
            "can sign with it; remove one kind from auth"
        )
