"""Only a key that fits its algorithm is taken."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.tokens import Private, jwk, private_pem, public_file, public_pem

from arqonbus.config.shield import AuthSettings
from arqonbus.shield.algorithms import KeyProblem, VerificationKey
from arqonbus.shield.keys import MAX_KEYS, read_keys

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
LONGER = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jAuE4xW7zD2vM9pS6t"
LONGEST = LONGER + "bJ1hN8qR5yC3fG0k"
KEYS: dict[str, Private] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "small": rsa.generate_private_key(65537, 1024),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "k256": ec.generate_private_key(ec.SECP256K1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}


def read(auth: dict[str, object]) -> tuple[VerificationKey, ...]:
    return read_keys(AuthSettings.model_validate(auth))


def said(auth: dict[str, object]) -> str:
    with pytest.raises(KeyProblem) as caught:
        read(auth)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        *(("rsa", f"{family}{bits}") for family in ("RS", "PS") for bits in (256, 384, 512)),
        ("p256", "ES256"),
        ("p384", "ES384"),
        ("p521", "ES512"),
        ("ed", "EdDSA"),
    ],
)
def test_a_fitting_public_key(tmp_path: Path, name: str, algorithm: str) -> None:
    file = public_file(tmp_path, name, KEYS[name])
    (key,) = read({"public_key_file": file, "algorithm": algorithm})
    assert (key.algorithm, key.id) == (algorithm, name)


@pytest.mark.parametrize(
    ("name", "algorithm", "reason"),
    [
        ("p256", "RS256", "ES256"),
        ("rsa", "ES256", "RS256"),
        ("p384", "ES256", "ES384"),
        ("p256", "ES384", "ES256"),
        ("p521", "ES256,ES384", "ES512"),
        ("k256", "ES256", "secp256k1"),
        ("rsa", "EdDSA", "kind RSA"),
        ("small", "RS256", "1024 bits"),
        ("rsa", "HS256", "kind RSA"),
        ("rsa", (), "must be given"),
    ],
)
def test_a_key_that_does_not_fit(tmp_path: Path, name: str, algorithm: object, reason: str) -> None:
    file = public_file(tmp_path, name, KEYS[name])
    assert reason in said({"public_key_file": file, "algorithm": algorithm})


def test_keys_that_sign_no_tokens(tmp_path: Path) -> None:
    for key in (dsa.generate_private_key(2048), ed448.Ed448PrivateKey.generate()):
        file = tmp_path / "other.pem"
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        file.write_bytes(pem)
        assert "signs no tokens" in said({"public_key_file": file, "algorithm": "EdDSA"})


def test_a_private_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "private.pem"
    file.write_bytes(private_pem(KEYS["ed"]))
    assert "private key is refused" in said({"public_key_file": file, "algorithm": "EdDSA"})


def test_a_secret_file_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    (key,) = read({"secret_file": file})
    assert (key.algorithm, key.material, key.id) == ("HS256", SECRET.encode(), "secret")
    assert SECRET not in repr(key)


@pytest.mark.parametrize(
    ("algorithm", "secret", "least"),
    [("HS256", SECRET, 32), ("HS384", LONGER, 48), ("HS512", LONGEST, 64)],
)
def test_a_secret_has_no_fewer_bytes_than_the_hash(algorithm: str, secret: str, least: int) -> None:
    (key,) = read({"secret": secret, "algorithm": algorithm})
    assert key.algorithm == algorithm
    assert len(secret) == least
    assert f"at least {least}" in said({"secret": secret[:-1], "algorithm": algorithm})


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in said({"secret_file": tmp_path / "absent"})
    assert "is not a file name" in said({"secret_file": "a\0b"})
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    assert "larger than any key" in said({"secret_file": tmp_path / "large"})
    (tmp_path / "junk").write_text("no key")
    assert "no PEM public key" in said({"public_key_file": tmp_path / "junk", "algorithm": "RS256"})


def test_none_and_the_wrong_kind() -> None:
    assert "there is no key" in said({"mode": "token"})
    assert "names no HS algorithm" in said({"secret": SECRET, "algorithm": "RS256"})


def test_several_keys_for_rotation(tmp_path: Path) -> None:
    (tmp_path / "old").write_text(SECRET)
    (tmp_path / "new").write_text(LONGER)
    files = [tmp_path / "old", tmp_path / "new"]
    public = public_file(tmp_path, "ed", KEYS["ed"])
    keys = read({"secret_file": files, "public_key_file": public, "algorithm": ["HS256", "EdDSA"]})
    assert [(key.id, key.algorithm) for key in keys] == [
        ("old", "HS256"), ("new", "HS256"), ("ed", "EdDSA"),
    ]  # fmt: skip
    listed = f"{files[0]}, {files[1]}"
    assert [key.id for key in read({"secret_file": listed})] == ["old", "new"]


def test_keys_that_could_be_taken_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    files = [public_file(tmp_path, "x", KEYS["ed"]), public_file(tmp_path / "a", "x", KEYS["ed"])]
    assert "named x" in said({"public_key_file": files, "algorithm": "EdDSA"})
    odd = public_file(tmp_path, "a key", KEYS["ed"])
    assert "is the key's id" in said({"public_key_file": odd, "algorithm": "EdDSA"})
    both = tmp_path / "both.pem"
    both.write_bytes(public_pem(KEYS["ed"]) * 2)
    assert "more than one key" in said({"public_key_file": both, "algorithm": "EdDSA"})


def test_no_more_keys_than_a_stranger_may_have_tried(tmp_path: Path) -> None:
    files = [public_file(tmp_path, f"k{i}", KEYS["ed"]) for i in range(MAX_KEYS + 1)]
    assert "are the most" in said({"public_key_file": files, "algorithm": "EdDSA"})
    assert len(read({"public_key_file": files[1:], "algorithm": "EdDSA"})) == MAX_KEYS


def test_a_key_holds_for_one_algorithm() -> None:
    assert "same kind of key" in said({"secret": LONGEST, "algorithm": "HS256,HS512"})
    assert "same kind of key" in said({"mode": "token", "algorithm": "RS256,PS256"})
    (key,) = read({"secret": SECRET, "algorithm": "HS256,HS256"})
    assert key.algorithm == "HS256"


def public_forms() -> list[bytes]:
    key = KEYS["rsa"]
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ssh = KEYS["ed"].public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return [
        public_pem(key), der, base64.b64encode(der), json.dumps(jwk(key)).encode(), ssh,
        public_pem(KEYS["p256"]).replace(b"\n", b" "),
    ]  # fmt: skip


@pytest.mark.parametrize("form", public_forms(), ids=["pem", "der", "base64", "jwk", "ssh", "line"])
def test_a_public_key_is_no_secret(tmp_path: Path, form: bytes) -> None:
    (tmp_path / "secret").write_bytes(form)
    assert "is a public key" in said({"secret_file": tmp_path / "secret"})


def test_a_weak_secret_is_not_repeated() -> None:
    text = said({"secret": "arqon-dev-secret-arqon-dev-secret"})
    assert "well-known default" in text
    assert "arqon-dev" not in text
