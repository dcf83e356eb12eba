"""Who a peer is, as the shield established it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from arqonbus.model.address import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated subject (or the anonymous one) with the claims of its token.

    `token_id`, `issued_at` and `expires` are the token's `jti`, `iat` and `exp` (RFC 7519, 4.1),
    times in seconds since 1970.
    """

    subject: str
    tenant: str = DEFAULT_TENANT
    claims: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    anonymous: bool = False
    token_id: str | None = None
    issued_at: float | None = None
    expires: float | None = None


ANONYMOUS = Principal(subject="anonymous", anonymous=True)
