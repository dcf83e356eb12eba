"""Who a peer is, as the shield established it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated subject (or the anonymous one) with the claims of its token."""

    subject: str
    tenant: str = "default"
    claims: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    anonymous: bool = False


ANONYMOUS = Principal(subject="anonymous", anonymous=True)
