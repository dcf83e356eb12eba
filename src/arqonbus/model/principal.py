"""Who a peer is, as the shield established it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from arqonbus.model.address import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated subject (or the anonymous one) with the claims of its token.

    Attributes:
        token_id: The token's own id (`jti`), by which it can be revoked.
        issued_at: When it was issued (`iat`), in unix seconds.
        expires: When it ends (`exp`), in unix seconds; None for a principal without a token.
    """

    subject: str
    tenant: str = DEFAULT_TENANT
    claims: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    anonymous: bool = False
    token_id: str | None = None
    issued_at: float | None = None
    expires: float | None = None


ANONYMOUS = Principal(subject="anonymous", anonymous=True)
