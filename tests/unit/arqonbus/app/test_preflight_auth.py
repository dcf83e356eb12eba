"""What must not start for its tokens and keys."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from support.certificates import certificate
from support.tokens import SECRET, public_file

from arqonbus.app.preflight_auth import auth_problems
from arqonbus.config.model import Settings

URL = "https://keys.invalid/jwks.json"


def found(profile: str = "prod", **auth: object) -> str:
    settings = Settings.model_validate({"profile": profile, "auth": auth})
    return "\n".join(auth_problems(settings))


@pytest.fixture
def public(tmp_path: Path) -> Path:
    return public_file(tmp_path, "ed", ed25519.Ed25519PrivateKey.generate())


def test_what_may_start(public: Path, tmp_path: Path) -> None:
    assert found(secret=SECRET, max_lifetime=3600, tenant_claim="org") == ""
    assert found(public_key_file=public, algorithm="EdDSA") == ""
    assert found(jwks_url=URL, algorithm="RS256,ES256,EdDSA") == ""
    assert found(jwks_url=URL, algorithm="EdDSA", public_key_file=public) == ""
    assert found(jwks_url=URL, algorithm="EdDSA", jwks_refresh=1800) == ""
    ca = certificate(tmp_path, "ca").cert
    assert found(jwks_url=URL, algorithm="EdDSA", jwks_ca_file=ca) == ""
    for host in ("127.0.0.1", "[::1]", "localhost"):
        assert found(jwks_url=f"http://{host}:8000/keys", algorithm="EdDSA") == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.invalid/jwks.json", "HTTP://keys.invalid/", "http://127.0.0.1.keys.invalid/",
        "http://localhost.keys.invalid/", "http://10.0.0.1/", "http://0.0.0.0/", "http://[::]/",
        "file:///etc/passwd", "ftp://keys.invalid/", "gopher://127.0.0.1/", "data:,{}", "keys.json",
        "//keys.invalid/", "https://", "https:///keys", "https://keys.invalid:port/",
        "https://[keys/", "https://keys.invalid/#a",
    ],
)  # fmt: skip
def test_a_key_set_comes_by_https(url: str) -> None:
    assert "must be https" in found("dev", jwks_url=url, algorithm="EdDSA")


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ({"jwks_url": URL}, "auth.algorithm: must be given"),
        ({"jwks_url": URL, "algorithm": "HS256"}, "holds public keys"),
        ({"jwks_url": URL, "algorithm": "RS256,PS256"}, "same kind of key"),
        ({"jwks_url": URL, "algorithm": "RS256", "jwks_refresh": 1801}, "less than twice"),
        ({"jwks_url": URL, "algorithm": "RS256", "jwks_ca_file": "absent"}, "jwks_ca_file: absent"),
        (
            {"jwks_url": "http://[::1]/", "algorithm": "RS256", "jwks_ca_file": "absent"},
            "without TLS",
        ),
        ({"secret": SECRET, "jwks_ca_file": "ca.pem"}, "auth.jwks_url is not"),
        ({"secret": SECRET, "tenant_claim": "sub"}, "tenant_claim: sub"),
        ({"secret": SECRET, "tenant_claim": "roles"}, "tenant_claim: roles"),
        ({"secret": SECRET, "algorithm": "HS512"}, "at least 64"),
        ({"secret": SECRET + SECRET[::-1], "algorithm": "HS256,HS512"}, "same kind of key"),
    ],
)
@pytest.mark.parametrize("profile", ["dev", "staging", "prod"])
def test_what_may_not_start(profile: str, auth: dict[str, object], said: str) -> None:
    assert said in found(profile, **auth)


def test_production_does_not_mix_secrets_and_public_keys(public: Path) -> None:
    for auth in (
        {"secret": SECRET, "public_key_file": public, "algorithm": "HS256,EdDSA"},
        {"secret": SECRET, "jwks_url": URL, "algorithm": "HS256,EdDSA"},
        {"secret": SECRET, "algorithm": "HS256,RS256"},
        {"public_key_file": public, "algorithm": "HS256,EdDSA"},
    ):
        assert "not both" in found("prod", **auth)
        assert found("dev", **auth) == ""


def test_mixed_keys_are_taken_only_if_every_algorithm_is_named(public: Path) -> None:
    assert "kind Ed25519" in found("dev", secret=SECRET, public_key_file=public)


@pytest.mark.parametrize(
    "given",
    [
        {"jwks_url": URL}, {"jwks_ca_file": "ca.pem"}, {"max_lifetime": 60}, {"algorithm": "HS256"},
        {"secret_file": "a,b"}, {"public_key_file": ["k.pem"]},
    ],
)  # fmt: skip
def test_mode_none_beside_anything_of_tokens(given: dict[str, object]) -> None:
    assert "auth.mode is none" in found("dev", mode="none", **given)
