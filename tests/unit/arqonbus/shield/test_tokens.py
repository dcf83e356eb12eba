"""A token holds in every respect, or its bearer stays outside."""

import base64
import json
import time
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from arqonbus.errors import ErrorCode
from arqonbus.model.principal import ANONYMOUS
from arqonbus.shield.anonymous import AnonymousAuthenticator
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.keys import VerificationKey
from arqonbus.shield.tokens import TokenAuthenticator

SECRET = b"kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
DAY = 86_400


def shield(
    *, issuer: str | None = None, audience: str | None = None, leeway: float = 30
) -> TokenAuthenticator:
    key = VerificationKey("HS256", SECRET)
    return TokenAuthenticator(key, issuer=issuer, audience=audience, leeway=leeway)


def signed(*, key: bytes = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    payload: dict[str, object] = {"sub": "ada", "exp": int(time.time()) + DAY} | claims
    given_claims = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(given_claims, key, algorithm=algorithm)


def body_of(token: str) -> str:
    return token.rpartition(".")[0]


def signature_of(token: str) -> str:
    return "." + token.rpartition(".")[2]


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def reason_of(token: str | None, by: TokenAuthenticator | None = None) -> AuthReason:
    with pytest.raises(AuthError) as caught:
        (by or shield()).authenticate(token)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    return caught.value.reason


def test_a_valid_token_names_its_principal() -> None:
    principal = shield().authenticate(signed(tenant="acme", role="writer"))
    assert (principal.subject, principal.tenant) == ("ada", "acme")
    assert principal.claims["role"] == "writer"
    assert not principal.anonymous


def test_claims_cannot_be_changed() -> None:
    claims = shield().authenticate(signed()).claims
    with pytest.raises(TypeError):
        claims["sub"] = "eve"  # type: ignore[index] # that it can't is the point


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (lambda: None, AuthReason.MISSING),
        (lambda: "", AuthReason.MISSING),
        (lambda: signed(exp=int(time.time()) - DAY), AuthReason.EXPIRED),
        (lambda: signed(exp=None), AuthReason.CLAIMS),
        (lambda: signed(sub=None), AuthReason.CLAIMS),
        (lambda: signed(sub=""), AuthReason.CLAIMS),
        (lambda: signed(sub="a\nb"), AuthReason.CLAIMS),
        (lambda: signed(tenant="x" * 300), AuthReason.CLAIMS),
        (lambda: signed(tenant=7), AuthReason.CLAIMS),
        (lambda: signed(aud="another"), AuthReason.CLAIMS),
        (lambda: signed(nbf=int(time.time()) + DAY), AuthReason.NOT_YET_VALID),
        (lambda: signed(iat=int(time.time()) + DAY), AuthReason.NOT_YET_VALID),
        (lambda: signed(key=b"z" * 32), AuthReason.SIGNATURE),
        (lambda: signed(algorithm="HS512", key=SECRET * 2), AuthReason.SIGNATURE),
        (lambda: signed()[:-6], AuthReason.MALFORMED),
        (lambda: body_of(signed(sub="eve")) + signature_of(signed()), AuthReason.SIGNATURE),
        (lambda: signed() + "x" * 9000, AuthReason.MALFORMED),
        (lambda: "é.é.é", AuthReason.MALFORMED),
        (lambda: "a.b", AuthReason.MALFORMED),
        (lambda: f"{part([1])}.{part({})}.AA", AuthReason.MALFORMED),
    ],
)
def test_refused(token: Callable[[], str | None], reason: AuthReason) -> None:
    assert reason_of(token()) is reason


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, ["HS256"]])
def test_the_header_never_chooses_the_algorithm(algorithm: object) -> None:
    body = part({"sub": "eve", "exp": int(time.time()) + DAY})
    token = f"{part({'typ': 'JWT', 'alg': algorithm})}.{body}."
    assert reason_of(token) in {AuthReason.SIGNATURE, AuthReason.MALFORMED}


def test_a_public_key_is_no_hmac_secret() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, body = part({"alg": "HS256", "typ": "JWT"}), part({"sub": "eve", "exp": 1 << 40})
    forged = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{header}.{body}".encode(), pem
    )
    token = f"{header}.{body}.{base64.urlsafe_b64encode(forged).rstrip(b'=').decode()}"
    by = TokenAuthenticator(VerificationKey("RS256", key), issuer=None, audience=None, leeway=0)
    assert reason_of(token, by) is AuthReason.SIGNATURE


def test_issuer_and_audience_are_demanded_when_configured() -> None:
    by = shield(issuer="house", audience="bus")
    assert by.authenticate(signed(iss="house", aud=["bus", "other"])).subject == "ada"
    assert reason_of(signed(iss="house"), by) is AuthReason.CLAIMS
    assert reason_of(signed(aud="bus"), by) is AuthReason.CLAIMS
    assert reason_of(signed(iss="else", aud="bus"), by) is AuthReason.CLAIMS


def test_endless_nesting_and_endless_dates_are_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    assert reason_of(f"{deep}.{part({})}.AA") is AuthReason.MALFORMED
    assert reason_of(signed(exp=float("inf"))) in set(AuthReason)
    assert reason_of(signed(exp=float("nan"))) in set(AuthReason)


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}"))
def test_no_text_gets_in_and_none_breaks_the_shield(text: str) -> None:
    assert reason_of(text) in set(AuthReason)


def test_anonymous_believes_nothing() -> None:
    assert AnonymousAuthenticator().authenticate(signed()) is ANONYMOUS
    assert AnonymousAuthenticator().authenticate(None) is ANONYMOUS
