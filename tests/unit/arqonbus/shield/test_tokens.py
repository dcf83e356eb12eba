"""A token holds in every respect, or its bearer stays outside."""

import time
from collections.abc import Callable, Iterator

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import DAY, SECRET, hand_signed, part, public_pem, signed

from arqonbus.config.shield import AuthSettings
from arqonbus.errors import ErrorCode
from arqonbus.model.principal import ANONYMOUS
from arqonbus.shield.algorithms import VerificationKey
from arqonbus.shield.anonymous import AnonymousAuthenticator
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.tokens import TokenAuthenticator

OTHER = SECRET[::-1]
END_OF_TIME = 253_402_300_800  # the first second of the year 10000


class Fixed:
    """Offers the same keys for every token, and notes what was asked for."""

    def __init__(self, *keys: VerificationKey) -> None:
        self.keys = keys
        self.asked: list[tuple[str, str | None]] = []

    def candidates(self, algorithm: str, key_id: str | None) -> Iterator[VerificationKey]:
        self.asked.append((algorithm, key_id))
        yield from self.keys


KEY = VerificationKey("HS256", SECRET.encode())


def shield(*keys: VerificationKey, **auth: object) -> TokenAuthenticator:
    settings = AuthSettings.model_validate({"mode": "token", **auth})
    return TokenAuthenticator(Fixed(*(keys or (KEY,))), settings)


def body_of(token: str) -> str:
    return token.rpartition(".")[0]


def signature_of(token: str) -> str:
    return "." + token.rpartition(".")[2]


def now() -> int:
    return int(time.time())


def reason_of(token: str | None, by: TokenAuthenticator | None = None) -> AuthReason:
    with pytest.raises(AuthError) as caught:
        (by or shield()).authenticate(token)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    return caught.value.reason


def test_a_valid_token_names_its_principal() -> None:
    token = signed(role="writer", jti="t-1", iat=now() - 5, exp=now() + 60.5)
    principal = shield().authenticate(token)
    assert (principal.subject, principal.tenant) == ("ada", "acme")
    assert principal.claims["role"] == "writer"
    assert principal.token_id == "t-1"
    assert principal.issued_at == principal.claims["iat"]
    assert principal.expires == principal.claims["exp"]
    assert not principal.anonymous


def test_what_a_token_may_leave_out() -> None:
    principal = shield().authenticate(signed())
    assert (principal.token_id, principal.issued_at) == (None, None)


def test_claims_cannot_be_changed() -> None:
    claims = shield().authenticate(signed()).claims
    with pytest.raises(TypeError):
        claims["sub"] = "eve"  # type: ignore[index] # that it can't is the point


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (lambda: None, AuthReason.MISSING),
        (lambda: "", AuthReason.MISSING),
        (lambda: signed(exp=now() - DAY), AuthReason.EXPIRED),
        (lambda: signed(exp=None), AuthReason.CLAIMS),
        (lambda: signed(exp=str(now() + DAY)), AuthReason.CLAIMS),
        (lambda: signed(exp=10**30), AuthReason.CLAIMS),
        (lambda: signed(exp=10**400), AuthReason.CLAIMS),
        (lambda: signed(exp=[now() + DAY]), AuthReason.MALFORMED),
        (lambda: signed(iat=str(now())), AuthReason.CLAIMS),
        (lambda: signed(iat=True), AuthReason.CLAIMS),
        (lambda: signed(iat=-1), AuthReason.CLAIMS),
        (lambda: hand_signed(*both(iat=None)), AuthReason.CLAIMS),
        (lambda: signed(nbf="0"), AuthReason.CLAIMS),
        (lambda: signed(sub=None), AuthReason.CLAIMS),
        (lambda: signed(sub=""), AuthReason.CLAIMS),
        (lambda: signed(sub="a\nb"), AuthReason.CLAIMS),
        (lambda: signed(sub="a\u202eb"), AuthReason.CLAIMS),
        (lambda: signed(sub="e\u0301ve"), AuthReason.CLAIMS),
        (lambda: signed(sub="a" * 257), AuthReason.CLAIMS),
        (lambda: hand_signed(*both(sub=7)), AuthReason.CLAIMS),
        (lambda: signed(tenant=None), AuthReason.CLAIMS),
        (lambda: signed(tenant="x" * 129), AuthReason.CLAIMS),
        (lambda: signed(tenant=""), AuthReason.CLAIMS),
        (lambda: signed(tenant="a/b"), AuthReason.CLAIMS),
        (lambda: signed(tenant=".."), AuthReason.CLAIMS),
        (lambda: signed(tenant="acme\n"), AuthReason.CLAIMS),
        (lambda: signed(tenant="аcme"), AuthReason.CLAIMS),  # a Cyrillic letter
        (lambda: signed(tenant=7), AuthReason.CLAIMS),
        (lambda: signed(tenant=["acme"]), AuthReason.CLAIMS),
        (lambda: hand_signed(*both(jti=7)), AuthReason.CLAIMS),
        (lambda: signed(jti=""), AuthReason.CLAIMS),
        (lambda: signed(jti="x" * 257), AuthReason.CLAIMS),
        (lambda: signed(aud="another"), AuthReason.CLAIMS),
        (lambda: hand_signed(*both(aud=[])), AuthReason.CLAIMS),
        (lambda: signed(exp=END_OF_TIME), AuthReason.CLAIMS),
        (lambda: signed(nbf=now() + DAY), AuthReason.NOT_YET_VALID),
        (lambda: signed(iat=now() + DAY), AuthReason.NOT_YET_VALID),
        (lambda: signed(OTHER), AuthReason.SIGNATURE),
        (lambda: signed(SECRET * 2, "HS512"), AuthReason.SIGNATURE),
        (lambda: signed()[:-6], AuthReason.MALFORMED),
        (lambda: signed()[:-7], AuthReason.SIGNATURE),
        (lambda: body_of(signed(sub="eve")) + signature_of(signed()), AuthReason.SIGNATURE),
        (lambda: signed() + "x" * 9000, AuthReason.MALFORMED),
        (lambda: "é.é.é", AuthReason.MALFORMED),
        (lambda: "a.b", AuthReason.MALFORMED),
        (lambda: f"{part([1])}.{part({})}.AA", AuthReason.MALFORMED),
    ],
)
def test_refused(token: Callable[[], str | None], reason: AuthReason) -> None:
    assert reason_of(token()) is reason


def test_the_limits_themselves_are_within() -> None:
    principal = shield().authenticate(signed(sub="a" * 256, iat=0, nbf=0, exp=END_OF_TIME - 1))
    assert (principal.issued_at, principal.expires) == (0.0, END_OF_TIME - 1)


def test_a_date_that_is_there_and_null_is_no_date() -> None:
    by = shield()
    claims = {"sub": "ada", "tenant": "acme", "exp": now() + DAY}
    assert by._principal(claims).subject == "ada"
    for name in ("exp", "iat", "nbf"):
        with pytest.raises(AuthError, match=f"{name} is no date"):
            by._principal(claims | {name: None})


def both(**claims: object) -> tuple[object, object]:
    """A header and claims, as PyJWT would not encode them."""
    own = {"sub": "ada", "tenant": "acme", "exp": now() + DAY}
    return {"alg": "HS256", "typ": "JWT"}, own | claims


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, ["HS256"]])
def test_the_header_never_chooses_the_algorithm(algorithm: object) -> None:
    body = part(both()[1])
    token = f"{part({'typ': 'JWT', 'alg': algorithm})}.{body}."
    assert reason_of(token) in {AuthReason.SIGNATURE, AuthReason.MALFORMED}


def test_a_public_key_is_no_hmac_secret() -> None:
    key = rsa.generate_private_key(65537, 2048)
    forged = hand_signed(*both(sub="eve"), public_pem(key))
    by = shield(VerificationKey("RS256", key.public_key()))
    assert reason_of(forged, by) is AuthReason.SIGNATURE


def test_each_key_is_tried_and_the_one_that_signed_is_named() -> None:
    keys = [VerificationKey("HS256", secret.encode(), secret[:2]) for secret in (OTHER, SECRET)]
    _, key = shield(*keys).identify(signed())
    assert key.id == SECRET[:2]
    assert reason_of(signed(SECRET * 2), shield(*keys)) is AuthReason.SIGNATURE
    # A good signature settles it: what the claims lack is not told as a wrong key.
    assert reason_of(signed(exp=1), shield(*keys)) is AuthReason.EXPIRED


def test_keys_are_asked_for_with_what_the_header_says() -> None:
    keys = Fixed(KEY)
    by = TokenAuthenticator(keys, AuthSettings(mode="token"))
    by.authenticate(signed(headers={"kid": "2026-01"}))
    by.authenticate(signed())
    assert keys.asked == [("HS256", "2026-01"), ("HS256", None)]


def test_issuer_and_audience_are_demanded_when_configured() -> None:
    by = shield(issuer="house", audience="bus")
    assert by.authenticate(signed(iss="house", aud=["bus", "other"])).subject == "ada"
    assert reason_of(signed(iss="house"), by) is AuthReason.CLAIMS
    assert reason_of(signed(aud="bus"), by) is AuthReason.CLAIMS
    assert reason_of(signed(iss="else", aud="bus"), by) is AuthReason.CLAIMS
    listed = hand_signed(*both(iss=["house"], aud="bus"))
    assert reason_of(listed, by) is AuthReason.CLAIMS


def test_the_leeway_is_what_is_configured() -> None:
    assert shield(leeway=60).authenticate(signed(exp=now() - 30)).subject == "ada"
    assert reason_of(signed(exp=now() - 30), shield(leeway=0)) is AuthReason.EXPIRED
    assert reason_of(signed(nbf=now() + 30), shield(leeway=0)) is AuthReason.NOT_YET_VALID


def test_the_tenant_is_in_the_configured_claim_only() -> None:
    by = shield(tenant_claim="org")
    assert by.authenticate(signed(org="house")).tenant == "house"
    assert reason_of(signed(), by) is AuthReason.CLAIMS


def test_a_token_lives_no_longer_than_it_may() -> None:
    by = shield(max_lifetime=100)
    start = now()
    assert by.authenticate(signed(iat=start, exp=start + 100)).expires == start + 100
    assert reason_of(signed(iat=start, exp=start + 101), by) is AuthReason.CLAIMS
    assert reason_of(signed(), by) is AuthReason.CLAIMS


def test_dates_without_end_are_refused() -> None:
    assert reason_of(signed(exp=float("inf"))) is AuthReason.MALFORMED
    assert reason_of(signed(exp=float("nan"))) is AuthReason.MALFORMED


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}"))
def test_no_text_gets_in_and_none_breaks_the_shield(text: str) -> None:
    assert reason_of(text) in set(AuthReason)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(st.sampled_from(["exp", "iat", "nbf", "sub", "aud", "iss", "jti", "tenant"]), json_values)
def test_a_claim_of_any_kind_is_judged_and_never_a_fault(claim: str, value: object) -> None:
    try:
        principal = shield().authenticate(hand_signed(*both(**{claim: value})))
    except AuthError:
        return
    assert isinstance(principal.expires, float)
    assert principal.subject
    assert principal.tenant


def test_pyjwt_is_told_one_algorithm() -> None:
    by = shield(VerificationKey("HS512", SECRET.encode() * 2))
    assert reason_of(signed(SECRET * 2, "HS256"), by) is AuthReason.SIGNATURE
    assert jwt.get_unverified_header(signed())["alg"] == "HS256"


def test_anonymous_believes_nothing() -> None:
    assert AnonymousAuthenticator().authenticate(signed()) is ANONYMOUS
    assert AnonymousAuthenticator().authenticate(None) is ANONYMOUS
