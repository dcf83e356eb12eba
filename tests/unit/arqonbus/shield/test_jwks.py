"""Of a JWK Set only what is a key for us is used, and what is no set is none."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm
from structlog.testing import capture_logs
from support.tokens import Private, jwk, part

from arqonbus.config.shield import AuthSettings
from arqonbus.shield.algorithms import bind
from arqonbus.shield.jwks import MAX_SET_KEYS, KeySetError, read_set

BOUND = bind(AuthSettings.model_validate({"algorithm": "PS256,ES256,EdDSA"}).algorithm)
RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()


def body(*keys: object, **more: object) -> bytes:
    return json.dumps({"keys": list(keys), **more}).encode()


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "PS256"), (P256, "ES256"), (ED, "EdDSA")])
def test_a_key_has_the_algorithm_of_its_kind(key: Private, algorithm: str) -> None:
    (read,) = read_set(body(jwk(key, kid="k", use="sig", alg=algorithm, x5t="x")), BOUND)
    assert (read.algorithm, read.id) == (algorithm, "k")
    assert read.material == key.public_key()


def test_members_that_may_be_left_out_and_members_of_the_set() -> None:
    (read,) = read_set(body(jwk(ED), issuer="x"), BOUND)
    assert read.id is None
    assert read_set(body(jwk(ED, key_ops=["verify", "sign"])), BOUND)


def private(key: rsa.RSAPrivateKey) -> dict[str, object]:
    return dict(RSAAlgorithm.to_jwk(key, as_dict=True))


USELESS: dict[str, dict[str, object]] = {
    "for encryption": jwk(RSA, use="enc"),
    "to encrypt": jwk(RSA, key_ops=["encrypt"]),
    "operations that are none": jwk(RSA, key_ops="verify"),
    "another algorithm": jwk(RSA, alg="RS256"),
    "an HMAC algorithm": jwk(RSA, alg="HS256"),
    "no algorithm": jwk(RSA, alg="none"),
    "an algorithm that is no text": jwk(RSA, alg=["PS256"]),
    "a weak one": jwk(SMALL),
    "a private one": private(RSA),
    "one private part": jwk(RSA, d="AQAB"),
    "a shared one": {"kty": "oct", "k": part("x" * 32)},
    "an empty shared one": {"kty": "oct"},
    "another curve": jwk(P384),
    "a curve that does not fit": jwk(P256, crv="P-384"),
    "Ed448": dict(
        OKPAlgorithm.to_jwk(ed448.Ed448PrivateKey.generate().public_key(), as_dict=True),
        key_ops=["verify"],
    ),
    "a point that is not on the curve": jwk(P256, y=jwk(P256)["x"]),
    "no numbers": {"kty": "RSA"},
    "numbers that are numbers": jwk(RSA, e=65537),
    "a huge number": jwk(RSA, n="A" * 100_000),
    "an exponent of one": jwk(RSA, e="AQ"),
    "no base64": jwk(ED, x="%%%"),
    "no kind": {"n": "AQAB", "e": "AQAB"},
    "a kind of its own": {"kty": ["RSA"]},
    "an id that is none": jwk(RSA, kid="a b"),
    "an id that is no text": jwk(RSA, kid=7),
}


@pytest.mark.parametrize("entry", USELESS.values(), ids=USELESS)
def test_a_key_that_is_not_for_us_is_passed_over_and_logged(entry: dict[str, object]) -> None:
    with capture_logs() as logs:
        keys = read_set(body(entry, jwk(ED, kid="good")), BOUND)
    assert [key.id for key in keys] == ["good"]
    (line,) = logs
    assert (line["log_level"], line["key"]) == ("warning", 1)
    assert all(str(value) not in str(line) for value in entry.values() if len(str(value)) > 20)
    with pytest.raises(KeySetError, match="no key of the set"):
        read_set(body(entry), BOUND)


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"<html>", b"null", b"[]", b"{}", b'"keys"', b"\xff", b"[" * 5000,
        b'{"keys": []}', b'{"keys": {}}', b'{"keys": null}', b'{"keys": [1]}', b'{"keys": ["a"]}',
        b'{"error": "down"}', b'{"keys": [], "keys": []}', b'{"keys": [NaN]}',
        json.dumps(jwk(ED)).encode(),
        body(jwk(ED)).replace(b'"kty"', b'"kty": "RSA", "kty"', 1),
        body(*[jwk(ED)] * (MAX_SET_KEYS + 1)),
        body(jwk(ED), None),
        body(jwk(ED, kid="a"), jwk(P256, kid="a")),
        body(jwk(ED, kid="a"), jwk(RSA, kid="a", use="enc")),
        body(jwk(ED))[:-1],
    ],
    # The keys are new each time, and a test's name is not to be.
    ids=map(str, range(23)),
)  # fmt: skip
def test_what_is_no_set(answer: bytes) -> None:
    with pytest.raises(KeySetError):
        read_set(answer, BOUND)
