"""Operators make tokens that the bus takes, and see what it says to others."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from support.tokens import (
    SECRET,
    Private,
    hand_signed,
    private_pem,
    public_file,
    public_pem,
    signed,
)

from arqonbus.cli.main import main
from arqonbus.shield.strength import weakness

WHO = ("--subject", "ada", "--tenant", "acme", "--expires-in", "12h")
KEYS: dict[str, Private] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def ran(*args: object, stdin: str = "", **env: object) -> Result:
    environ: dict[str, str | None] = {f"ARQONBUS_{name}": str(it) for name, it in env.items()}
    return CliRunner().invoke(main, ["token", *map(str, args)], input=stdin, env=environ)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "bus.key").write_text(SECRET + "\n")
    return tmp_path / "bus.key"


def minted(*args: object) -> str:
    result = ran("mint", *args)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def verified(token: str, **env: object) -> dict[str, object]:
    result = ran("verify", "--json", "-", stdin=token, **env)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    return document


def test_a_new_secret_is_strong_its_owners_only_and_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "new.key"
    result = ran("secret", file)
    assert result.exit_code == 0
    content = file.read_bytes().rstrip()
    assert weakness(content, 64) is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert content.decode() not in result.output
    again = ran("secret", file)
    assert again.exit_code == 2
    assert file.read_bytes().rstrip() == content
    assert ran("secret", tmp_path / "absent" / "x").exit_code == 74
    token = minted("--key", file, *WHO, "--algorithm", "HS512")
    assert verified(token, AUTH_SECRET_FILE=file, AUTH_ALGORITHM="HS512")["verified"] is True


def test_a_minted_token_is_verified_by_the_bus_own_rules(secret: Path) -> None:
    token = minted(
        "--key", secret, *WHO, "--role", "admin", "--role", "ops", "--claim", "level=3",
        "--claim", 'team="red"', "--id", "t-1", "--issuer", "house", "--audience", "bus",
        "--kid", "bus",
    )  # fmt: skip
    env = {"AUTH_SECRET_FILE": secret, "AUTH_ISSUER": "house", "AUTH_AUDIENCE": "bus"}
    document = verified(token, **env)
    assert (document["subject"], document["tenant"]) == ("ada", "acme")
    assert (document["key"], document["algorithm"]) == ("bus", "HS256")
    content = document["claims"]
    assert isinstance(content, dict)
    assert content["roles"] == ["admin", "ops"]
    assert (content["level"], content["team"], content["jti"]) == (3, "red", "t-1")
    assert content["exp"] - content["iat"] == 12 * 3600


def test_minting_says_that_a_token_is_a_secret(secret: Path) -> None:
    result = ran("mint", "--key", secret, *WHO)
    assert "This token is a secret" in result.stderr
    assert "ada of tenant acme" in result.stderr
    assert result.stdout.count("\n") == 1
    assert SECRET not in result.output


def test_ids_are_new_each_time(secret: Path) -> None:
    ids = set()
    for _ in range(3):
        token = minted("--key", secret, *WHO)
        ids.add(json.dumps(verified(token, AUTH_SECRET_FILE=secret)["claims"]))
    assert len(ids) == 3


@pytest.mark.parametrize("algorithm", KEYS)
def test_private_keys(tmp_path: Path, algorithm: str) -> None:
    (tmp_path / "private.pem").write_bytes(private_pem(KEYS[algorithm]))
    public = public_file(tmp_path, "public", KEYS[algorithm])
    token = minted("--key", tmp_path / "private.pem", *WHO)
    document = verified(token, AUTH_PUBLIC_KEY_FILE=public, AUTH_ALGORITHM=algorithm)
    assert (document["algorithm"], document["key"]) == (algorithm, "public")


def test_another_algorithm_of_the_kind(tmp_path: Path) -> None:
    (tmp_path / "private.pem").write_bytes(private_pem(KEYS["RS256"]))
    public = public_file(tmp_path, "public", KEYS["RS256"])
    token = minted("--key", tmp_path / "private.pem", *WHO, "--algorithm", "PS512")
    assert verified(token, AUTH_PUBLIC_KEY_FILE=public, AUTH_ALGORITHM="PS512")["verified"]


def encrypted() -> bytes:
    return KEYS["EdDSA"].private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )


@pytest.mark.parametrize(
    ("content", "algorithm", "said"),
    [
        (b"arqon-dev-secret-arqon-dev-secret", None, "well-known default"),
        (b"short", None, "at least 32"),
        (SECRET.encode(), "HS512", "at least 64"),
        (SECRET.encode(), "RS256", "no PEM private key"),
        (public_pem(KEYS["RS256"]), None, "no PEM private key"),
        (public_pem(KEYS["RS256"]), "HS256", "no PEM private key"),
        (encrypted(), None, "password"),
        (private_pem(rsa.generate_private_key(65537, 1024)), None, "1024 bits"),
        (private_pem(KEYS["ES256"]), "ES384", "P-256"),
        (private_pem(KEYS["ES256"]), "HS256", "P-256"),
    ],
)
def test_keys_that_sign_nothing(
    tmp_path: Path, content: bytes, algorithm: str | None, said: str
) -> None:
    (tmp_path / "key").write_bytes(content)
    more = ("--algorithm", algorithm) if algorithm else ()
    result = ran("mint", "--key", tmp_path / "key", *WHO, *more)
    assert result.exit_code == 78
    assert said in result.stderr
    assert result.stdout == ""
    assert content.decode() not in result.output


@pytest.mark.parametrize(
    "more",
    [
        ("--subject", ""), ("--subject", "a\nb"), ("--tenant", "a/b"), ("--tenant", ""),
        ("--expires-in", "0"), ("--expires-in", "12"  "y"), ("--expires-in", "-5"),
        ("--expires-in", "9999999999"), ("--expires-in", "99999d"), ("--claim", "sub=1"),
        ("--claim", "tenant=1"), ("--claim", "exp=1"), ("--claim", "nbf=1"), ("--claim", "x"),
        ("--claim", "x=NaN"), ("--claim", "x=y"), ("--claim", "=1"), ("--kid", "a b"),
        ("--tenant-claim", "sub"), ("--algorithm", "none"),
    ],
)  # fmt: skip
def test_claims_that_no_token_should_have(secret: Path, more: tuple[str, ...]) -> None:
    result = ran("mint", "--key", secret, *WHO, *more)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_inspect_shows_all_but_the_signature_and_believes_nothing(tmp_path: Path) -> None:
    token = signed(SECRET[::-1], headers={"kid": "k"}, note="a\x1b[31mb")
    (tmp_path / "token").write_text(token + "\n")
    result = ran("inspect", tmp_path / "token")
    assert result.exit_code == 0
    assert "NOT VERIFIED" in result.stderr
    for shown in ('alg: "HS256"', 'kid: "k"', 'sub: "ada"', "exp: ", "+00:00"):
        assert shown in result.stdout
    assert "\x1b" not in result.output
    assert token.rpartition(".")[2] not in result.output
    document = json.loads(ran("inspect", "--json", "-", stdin=token).stdout)
    assert document["verified"] is False
    assert document["claims"]["tenant"] == "acme"


def test_inspect_of_what_is_no_token() -> None:
    for text in ("", "no token", "a.b.c", "x" * 100_000, "é.é.é"):
        result = ran("inspect", "-", stdin=text)
        assert result.exit_code == 1
        assert "REFUSED (malformed)" in result.stderr
    odd = hand_signed({"alg": "HS256"}, '{"exp":1e300,"iat":"x"}')
    assert "no date" in ran("inspect", "-", stdin=odd).stdout


def test_verify_says_why_not(secret: Path) -> None:
    for token, reason in (
        (signed(SECRET[::-1]), "signature"),
        (signed(exp=1), "expired"),
        (signed(tenant=None), "claims"),
        ("", "missing"),
        ("x", "malformed"),
    ):
        result = ran("verify", "-", stdin=token, AUTH_SECRET_FILE=secret)
        assert result.exit_code == 1
        assert f"REFUSED ({reason})" in result.stderr
        as_json = ran("verify", "--json", "-", stdin=token, AUTH_SECRET_FILE=secret)
        assert json.loads(as_json.stdout)["reason"] == reason


def test_verify_wants_a_configuration_that_would_start(secret: Path) -> None:
    assert ran("verify", "-", stdin=signed()).exit_code == 78
    weak = ran("verify", "-", stdin=signed(), AUTH_SECRET="weak")
    assert weak.exit_code == 78
    assert "at least 32" in weak.stderr
    with socket.socket() as deaf:  # bound, so that nobody else listens there
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        away = ran("verify", "-", stdin=signed(), AUTH_JWKS_URL=url, AUTH_ALGORITHM="RS256")
    assert away.exit_code == 69
    assert "JWK Set can't be had" in away.stderr
    assert ran("verify", "-", stdin=signed(), AUTH_SECRET_FILE=secret).exit_code == 0
