from __future__ import annotations

import jwt
import pytest

from checks.adversarial.forge import KEY_ID, Forge, RsaForge, as_jwk, base64url

SECRET = b"q8Zt-4vX_mN2pLr7KcW9sYb3HdJf6GaE"


def test_a_good_token_is_one_for_another_library() -> None:
    token = Forge(SECRET).good("ann", "acme")
    claims = jwt.decode(token, SECRET, algorithms=["HS256"])
    assert (claims["sub"], claims["tenant"]) == ("ann", "acme")


def test_a_token_of_an_issuer_is_verified_by_its_set() -> None:
    forge = RsaForge(SECRET)
    key = jwt.PyJWK(as_jwk(forge.key, KEY_ID))
    assert jwt.decode(forge.good("ann", "acme"), key, algorithms=["RS256"])["sub"] == "ann"


def test_a_forged_one_is_verified_by_nobody() -> None:
    forge = Forge(SECRET)
    claims = forge.claims("ann", "acme")
    for token in (
        forge.signed({"alg": "HS256"}, claims, b"x" * 32),
        forge.unsigned({"alg": "none"}, claims),
    ):
        with pytest.raises(jwt.PyJWTError):
            jwt.decode(token, SECRET, algorithms=["HS256"])


def test_each_token_is_remembered_by_what_would_betray_it() -> None:
    forge = Forge(SECRET)
    head, body, mark = forge.good("ann", "acme").split(".")
    assert {body, mark, SECRET.decode()} == forge.parts()
    assert head not in forge.parts()


def test_none_stands_for_a_claim_that_is_left_out() -> None:
    assert "exp" not in Forge.claims("ann", "acme", exp=None)


def test_base64url_has_no_padding() -> None:
    assert base64url(b"\xff\xfe") == "__4"
