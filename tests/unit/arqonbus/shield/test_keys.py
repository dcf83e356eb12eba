"""Only a key that fits its algorithm is taken."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from arqonbus.config.model import AuthSettings
from arqonbus.shield.keys import KeyProblem, read_key

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
KEYS: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "small": rsa.generate_private_key(65537, 1024),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "ed": ed25519.Ed25519PrivateKey.generate(),
}


def public(tmp_path: Path, name: str) -> Path:
    file = tmp_path / f"{name}.pem"
    key = KEYS[name].public_key()
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return file


def said(auth: dict[str, object]) -> str:
    with pytest.raises(KeyProblem) as caught:
        read_key(AuthSettings.model_validate(auth))
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("rsa", "RS256"), ("rsa", "PS256"), ("p256", "ES256"), ("ed", "EdDSA")],
)
def test_a_fitting_public_key(tmp_path: Path, name: str, algorithm: str) -> None:
    auth = {"public_key_file": public(tmp_path, name), "algorithm": algorithm}
    assert read_key(AuthSettings.model_validate(auth)).algorithm == algorithm


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("p256", "RS256"),
        ("rsa", "ES256"),
        ("p384", "ES256"),
        ("rsa", "EdDSA"),
        ("small", "RS256"),
        ("rsa", "HS256"),
        ("rsa", None),
    ],
)
def test_a_key_that_does_not_fit(tmp_path: Path, name: str, algorithm: str | None) -> None:
    assert said({"public_key_file": public(tmp_path, name), "algorithm": algorithm})


def test_a_private_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "private.pem"
    file.write_bytes(KEYS["ed"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert "private key is refused" in said({"public_key_file": file, "algorithm": "EdDSA"})


def test_a_secret_file_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    key = read_key(AuthSettings(secret_file=file))
    assert (key.algorithm, key.material) == ("HS256", SECRET.encode())
    assert SECRET not in repr(key)


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert "cannot be read" in said({"secret_file": tmp_path / "absent"})
    assert "is not a file name" in said({"secret_file": "a\0b"})
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    assert "larger than any key" in said({"secret_file": tmp_path / "large"})
    (tmp_path / "junk").write_text("no key")
    assert "no PEM public key" in said({"public_key_file": tmp_path / "junk", "algorithm": "RS256"})


def test_none_two_and_the_wrong_kind(tmp_path: Path) -> None:
    assert "there is no key" in said({"mode": "token"})
    assert "exactly one" in said({"secret": SECRET, "secret_file": tmp_path / "x"})
    assert "needs auth.public_key_file" in said({"secret": SECRET, "algorithm": "RS256"})


def test_a_weak_secret_is_not_repeated() -> None:
    text = said({"secret": "arqon-dev-secret-arqon-dev-secret"})
    assert "well-known default" in text
    assert "arqon-dev" not in text
