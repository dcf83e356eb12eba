"""Tokens that hold in every respect but this: somebody took them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.shield.interface import AuthError, AuthReason

if TYPE_CHECKING:
    from arqonbus.model.principal import Principal
    from arqonbus.shield.interface import Authenticator


class Revoked:
    """What is revoked: single tokens, and all tokens of a subject up to a time.

    `known` says whether all of it could be read yet; until then nobody may be let in.
    """

    def __init__(self) -> None:
        self.known = False
        # By tenant and `jti`; the time (seconds since 1970) from which on it is over anyway.
        self.tokens: dict[tuple[str, str], float | None] = {}
        # By tenant and `sub`; tokens issued up to that time.
        self.subjects: dict[tuple[str, str], float] = {}

    def covers(self, principal: Principal) -> bool:
        """Whether the token behind this principal is revoked."""
        tenant, token_id = principal.tenant, principal.token_id
        if token_id is not None and (tenant, token_id) in self.tokens:
            return True
        before = self.subjects.get((tenant, principal.subject))
        # A token that does not say when it was issued may be an old one.
        return before is not None and (principal.issued_at or 0) <= before


class RevocationAuthenticator:
    """Asks another authenticator, then whether the token was revoked."""

    def __init__(self, inner: Authenticator, revoked: Revoked) -> None:
        self._inner = inner
        self._revoked = revoked

    def authenticate(self, token: str | None) -> Principal:
        """See `Authenticator.authenticate`."""
        principal = self._inner.authenticate(token)
        if not self._revoked.known:
            raise AuthError(AuthReason.UNAVAILABLE, "it is not known yet which tokens are revoked")
        if self._revoked.covers(principal):
            raise AuthError(AuthReason.REVOKED, "the token was revoked")
        return principal
