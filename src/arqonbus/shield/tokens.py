"""JSON Web Tokens, verified: there is no setting that turns any part of it off."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Protocol

import jwt
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from arqonbus.config.shield import AuthSettings
from arqonbus.model.principal import Principal
from arqonbus.shield.algorithms import VerificationKey
from arqonbus.shield.form import malformed, read_form
from arqonbus.shield.interface import AuthError, AuthReason

MAX_NAME_CHARS: Final = 256
REQUIRED_CLAIMS: Final = ("exp", "sub")
TENANT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# The year 10000: beyond it, dates are none, and numbers may be too large for a float.
_END_OF_TIME: Final = 253_402_300_800


class Keys(Protocol):
    """Where an authenticator has its keys from."""

    def candidates(self, algorithm: str, key_id: str | None) -> Iterator[VerificationKey]:
        """The keys that a token of this header may be signed with, few and in order.

        Raises:
            AuthError: UNKNOWN_KEY or UNAVAILABLE, when a key that can't be had now may fit.
        """
        ...


class TokenAuthenticator:
    """Verifies tokens with keys that are each bound to one algorithm by the configuration."""

    def __init__(self, keys: Keys, auth: AuthSettings) -> None:
        self._keys = keys
        self._auth = auth

    def authenticate(self, token: str | None) -> Principal:
        """The principal that a valid token names.

        Raises:
            AuthError: without a token, or with one that does not hold in every respect.
        """
        return self.identify(token)[0]

    def identify(self, token: str | None) -> tuple[Principal, VerificationKey]:
        """The principal, and the key that its token was verified with.

        Raises:
            AuthError: as in `authenticate`.
        """
        if not token:
            raise AuthError(AuthReason.MISSING, "a bearer token is required")
        form = read_form(token)
        for key in self._keys.candidates(form.algorithm, form.key_id):
            claims = self._verified(token, key)
            if claims is not None:
                return self._principal(claims), key
        raise AuthError(AuthReason.SIGNATURE, "the token's signature is not valid")

    def _verified(self, token: str, key: VerificationKey) -> Mapping[str, object] | None:
        """The claims, or None when another key has signed."""
        try:
            claims: dict[str, object] = jwt.decode(
                token,
                key.material,
                # One name, the key's own: what the token's header asks for is never followed.
                algorithms=[key.algorithm],
                issuer=self._auth.issuer,
                audience=self._auth.audience,
                leeway=self._auth.leeway,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            return None
        except jwt.ExpiredSignatureError:
            raise AuthError(AuthReason.EXPIRED, "the token has expired") from None
        except jwt.ImmatureSignatureError:
            raise AuthError(AuthReason.NOT_YET_VALID, "the token is not valid yet") from None
        except (
            jwt.MissingRequiredClaimError,
            jwt.InvalidIssuerError,
            jwt.InvalidAudienceError,
            jwt.InvalidIssuedAtError,
            InvalidSubjectError,
            InvalidJTIError,
        ):
            raise AuthError(AuthReason.CLAIMS, "the token's claims do not hold") from None
        except (jwt.PyJWTError, ValueError, OverflowError, RecursionError, TypeError):
            # The last four are what hostile JSON makes the decoder raise.
            raise malformed() from None
        return claims

    def _principal(self, claims: Mapping[str, object]) -> Principal:
        issued, expires = _date(claims, "iat"), _date(claims, "exp")
        _date(claims, "nbf")
        if self._auth.audience is None and "aud" in claims:
            # RFC 7519, 4.1.3: it was meant for somebody else, were it nobody. The library passes
            # over one that is empty.
            raise _claims("the token has an aud, and auth.audience is not set")
        self._check_lifetime(issued, expires)
        return Principal(
            subject=checked_subject(claims.get("sub")),
            tenant=checked_tenant(claims.get(self._auth.tenant_claim), self._auth.tenant_claim),
            claims=MappingProxyType(dict(claims)),
            token_id=checked_name(claims["jti"], "jti") if "jti" in claims else None,
            issued_at=issued,
            expires=expires,
        )

    def _check_lifetime(self, issued: float | None, expires: float | None) -> None:
        longest = self._auth.max_lifetime
        if longest is None:
            return
        if issued is None or expires is None:
            raise _claims("the token has no iat, which auth.max_lifetime needs")
        if expires - issued > longest:
            raise _claims("the token lives longer than it may")


def checked_subject(value: object) -> str:
    """A subject that is spelt in the one canonical way.

    Raises:
        AuthError: CLAIMS.
    """
    subject = checked_name(value, "sub")
    if not unicodedata.is_normalized("NFC", subject):
        raise _claims("the token's sub is not in Unicode's normal form C")
    return subject


def checked_tenant(value: object, claim: str) -> str:
    """A tenant's name; there is none that a token has by default.

    Raises:
        AuthError: CLAIMS.
    """
    if isinstance(value, str) and TENANT.fullmatch(value):
        return value
    raise _claims(f"the token's {claim} is no tenant's name (1–128 of A-Z a-z 0-9 _ . -)")


def checked_name(value: object, claim: str) -> str:
    """A text that can be shown and compared.

    Raises:
        AuthError: CLAIMS.
    """
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME_CHARS and value.isprintable():
        return value
    raise _claims(f"the token's {claim} is not a usable name")


def _date(claims: Mapping[str, object], claim: str) -> float | None:
    """A NumericDate (RFC 7519, section 2), which is a number and nothing that looks like one."""
    value = claims.get(claim)
    if value is None and claim not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _claims(f"the token's {claim} is no date")
    if not 0 <= value < _END_OF_TIME:
        raise _claims(f"the token's {claim} is no date")
    return float(value)


def _claims(message: str) -> AuthError:
    return AuthError(AuthReason.CLAIMS, message)
