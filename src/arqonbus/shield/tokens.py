"""JSON Web Tokens, verified: there is no setting that turns any part of it off."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import jwt
from jwt.exceptions import InvalidSubjectError

from arqonbus.model.principal import Principal
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.keys import VerificationKey

MAX_TOKEN_CHARS: Final = 8 * 1024
MAX_NAME_CHARS: Final = 256
REQUIRED_CLAIMS: Final = ("exp", "sub")


class TokenAuthenticator:
    """Verifies tokens with one key and one algorithm, both from the configuration."""

    def __init__(
        self, key: VerificationKey, *, issuer: str | None, audience: str | None, leeway: float
    ) -> None:
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway

    def authenticate(self, token: str | None) -> Principal:
        """The principal that a valid token names.

        Raises:
            AuthError: without a token, or with one that does not hold in every respect.
        """
        if not token:
            raise AuthError(AuthReason.MISSING, "a bearer token is required")
        if len(token) > MAX_TOKEN_CHARS or not token.isascii():
            raise AuthError(AuthReason.MALFORMED, "the token is malformed")
        return _principal(self._verified(token))

    def _verified(self, token: str) -> Mapping[str, object]:
        try:
            claims: dict[str, object] = jwt.decode(
                token,
                self._key.material,
                # One name, ours: what the token's header asks for is never followed.
                algorithms=[self._key.algorithm],
                issuer=self._issuer,
                # Without a configured audience a token that carries one is refused:
                # RFC 7519, 4.1.3 - it was meant for somebody else.
                audience=self._audience,
                leeway=self._leeway,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except jwt.ExpiredSignatureError:
            raise AuthError(AuthReason.EXPIRED, "the token has expired") from None
        except jwt.ImmatureSignatureError:
            raise AuthError(AuthReason.NOT_YET_VALID, "the token is not valid yet") from None
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            raise AuthError(AuthReason.SIGNATURE, "the token's signature is not valid") from None
        except (
            jwt.MissingRequiredClaimError,
            jwt.InvalidIssuerError,
            jwt.InvalidAudienceError,
            InvalidSubjectError,
        ):
            raise AuthError(AuthReason.CLAIMS, "the token's claims do not hold") from None
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError, TypeError):
            # The last four are what hostile JSON makes the decoder raise: endless nesting, an
            # infinite date, a header that is no object.
            raise AuthError(AuthReason.MALFORMED, "the token is malformed") from None
        return claims


def _principal(claims: Mapping[str, object]) -> Principal:
    return Principal(
        subject=_name(claims.get("sub"), "sub"),
        tenant=_name(claims.get("tenant", "default"), "tenant"),
        claims=MappingProxyType(dict(claims)),
    )


def _name(value: object, claim: str) -> str:
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARS and value.isprintable():
        return value
    raise AuthError(AuthReason.CLAIMS, f"the token's {claim} is not a usable name")
