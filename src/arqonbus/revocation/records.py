"""What the journal of revocations holds, one JSON record each; times in seconds since 1970."""

from __future__ import annotations

import msgspec


class TokenRevoked(msgspec.Struct, tag_field="t", tag="token", omit_defaults=True, kw_only=True):
    """One token by its `jti`, which is over anyway from `until` on."""

    tenant: str
    token_id: str
    until: float | None = None


class SubjectRevoked(msgspec.Struct, tag_field="t", tag="subject", kw_only=True):
    """All tokens of a subject that were issued up to `before`."""

    tenant: str
    subject: str
    before: float


Record = TokenRevoked | SubjectRevoked
