"""Which key a token is tried with, and how keys take each other's place."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from prometheus_client import CollectorRegistry
from support.key_server import key_server
from support.tokens import SECRET, jwk, public_file

from arqonbus.config.shield import AuthSettings
from arqonbus.shield.algorithms import KeyProblem, VerificationKey
from arqonbus.shield.interface import AuthError, AuthReason
from arqonbus.shield.jwks import KeySetError
from arqonbus.shield.ring import KeyRing
from arqonbus.telemetry.metrics import Metrics

OTHER = SECRET[::-1]
ED = ed25519.Ed25519PrivateKey.generate()


def ring(**auth: object) -> KeyRing:
    return KeyRing(AuthSettings.model_validate(auth), Metrics(CollectorRegistry()))


def ids(keys: KeyRing, algorithm: str = "HS256", key_id: str | None = None) -> list[str | None]:
    return [key.id for key in keys.candidates(algorithm, key_id)]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name, secret in (("old", SECRET), ("new", OTHER)):
        (tmp_path / name).write_text(secret)
    return [tmp_path / "old", tmp_path / "new"]


def test_a_name_picks_its_key_and_without_a_known_one_each_is_tried(files: list[Path]) -> None:
    keys = ring(secret_file=files)
    assert ids(keys, key_id="new") == ["new"]
    for key_id in (None, "gone", "NEW", "../new", "new' OR 1=1"):
        assert ids(keys, key_id=key_id) == ["old", "new"]
    for algorithm in ("HS512", "none", "EdDSA"):
        assert ids(keys, algorithm) == ids(keys, algorithm, "new") == []


def test_a_name_of_a_key_for_another_algorithm_picks_none_of_them(
    files: list[Path], tmp_path: Path
) -> None:
    public = public_file(tmp_path, "ed", ED)
    keys = ring(secret_file=files, public_key_file=public, algorithm="HS256,EdDSA")
    assert ids(keys, "HS256", "ed") == ["old", "new"]
    assert ids(keys, "EdDSA", "old") == ["ed"]


async def test_without_a_key_set_there_is_nothing_to_open(files: list[Path]) -> None:
    keys = ring(secret_file=files)
    await keys.open()
    assert keys.problem() is None
    await keys.close()


def test_files_are_read_again_all_or_nothing(files: list[Path]) -> None:
    keys = ring(secret_file=files)
    before = list(keys.candidates("HS256", None))
    files[0].write_text(OTHER + SECRET)
    files[1].write_text("weak")
    with pytest.raises(KeyProblem, match="at least 32"):
        keys.prepare()
    assert list(keys.candidates("HS256", None)) == before
    files[1].write_text(SECRET)
    swap = keys.prepare()
    assert list(keys.candidates("HS256", None)) == before
    swap()
    now = [key.material for key in keys.candidates("HS256", None)]
    assert now == [(OTHER + SECRET).encode(), SECRET.encode()]
    files[0].unlink()
    with pytest.raises(KeyProblem, match="cannot be read"):
        keys.prepare()


async def test_local_keys_go_before_those_of_the_set(files: list[Path]) -> None:
    async with key_server(jwk(ED, kid="new"), jwk(ED, kid="remote")) as server:
        keys = ring(secret_file=files, jwks_url=server.url, algorithm="HS256,EdDSA")
        await keys.open()
        try:
            assert ids(keys, "HS256", "new") == ["new"]
            assert ids(keys, "HS256", "unknown") == ["old", "new"]
            assert ids(keys, "EdDSA", "new") == ["new"]
            assert ids(keys, "EdDSA") == ["new", "remote"]
            tried: list[VerificationKey] = []
            with pytest.raises(AuthError) as caught:
                tried.extend(keys.candidates("EdDSA", "unknown"))
            assert caught.value.reason is AuthReason.UNKNOWN_KEY
        finally:
            await keys.close()


async def test_authorities_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    settings = {
        "jwks_url": "https://keys.invalid/", "algorithm": "EdDSA", "jwks_ca_file": file,
    }  # fmt: skip
    with pytest.raises(KeyProblem, match="no PEM certificate"):
        ring(**settings)
    async with key_server() as server:
        pass
    keys = ring(jwks_url=server.url, algorithm="EdDSA")
    with pytest.raises(KeySetError):
        await keys.open()
    keys.prepare()()
    await keys.close()
