"""Certificates: which are taken, which are not, and replacing them."""

from __future__ import annotations

import datetime as dt
import ssl
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from support.certificates import certificate

from arqonbus.config.shield import TlsSettings
from arqonbus.edge.tls import Loaded, Tls, TlsProblem, load

DAY = dt.timedelta(days=1)


def problem(**files: Path | None) -> str:
    with pytest.raises(TlsProblem) as caught:
        load(TlsSettings.model_validate(files), time.time())
    return str(caught.value)


def test_a_good_pair(tmp_path: Path) -> None:
    good = certificate(tmp_path, "bus", ends=3 * DAY)
    loaded = load(TlsSettings(cert_file=good.cert, key_file=good.key), time.time())
    assert loaded.expires == pytest.approx(time.time() + 3 * 86_400, abs=60)
    assert loaded.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert loaded.context.verify_mode is ssl.CERT_NONE
    weak = [c["name"] for c in loaded.context.get_ciphers() if not c["aead"]]
    assert weak == []


def test_client_certificates_are_required_once_there_is_an_authority(tmp_path: Path) -> None:
    good = certificate(tmp_path, "bus")
    loaded = load(
        TlsSettings(cert_file=good.cert, key_file=good.key, client_ca_file=good.cert), time.time()
    )
    assert loaded.context.verify_mode is ssl.CERT_REQUIRED


def test_a_key_with_a_password(tmp_path: Path) -> None:
    good = certificate(tmp_path, "bus", password=b"open sesame")
    word = tmp_path / "word"
    word.write_bytes(b"open sesame\n")
    load(TlsSettings(cert_file=good.cert, key_file=good.key, key_password_file=word), time.time())
    assert "tls.key_password_file" in problem(cert_file=good.cert, key_file=good.key)
    word.write_bytes(b"close sesame")
    text = problem(cert_file=good.cert, key_file=good.key, key_password_file=word)
    assert "tls.key_password_file" in text
    assert "sesame" not in text


def test_half_a_pair(tmp_path: Path) -> None:
    good = certificate(tmp_path, "bus")
    assert "belong together" in problem(cert_file=good.cert)
    assert "belong together" in problem(key_file=good.key)
    assert "belong together" in problem(client_ca_file=good.cert)


def test_the_key_of_another_certificate(tmp_path: Path) -> None:
    one, other = certificate(tmp_path, "one"), certificate(tmp_path, "other")
    assert "is not the key" in problem(cert_file=one.cert, key_file=other.key)


def test_a_certificate_out_of_its_time(tmp_path: Path) -> None:
    old = certificate(tmp_path, "old", begins=-3 * DAY, ends=-DAY)
    assert "expired" in problem(cert_file=old.cert, key_file=old.key)
    new = certificate(tmp_path, "new", begins=DAY, ends=3 * DAY)
    assert "not valid before" in problem(cert_file=new.cert, key_file=new.key)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_weak_key(tmp_path: Path, kind: str) -> None:
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "rsa":
        private = rsa.generate_private_key(65_537, 1024)
    else:
        private = ec.generate_private_key(ec.SECP192R1())
    weak = certificate(tmp_path, "weak", private=private)
    assert "weak key" in problem(cert_file=weak.cert, key_file=weak.key)


@pytest.mark.parametrize("name", ["cert_file", "key_file", "client_ca_file"])
@pytest.mark.parametrize("content", [None, b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_files_that_hold_something_else(tmp_path: Path, name: str, content: bytes | None) -> None:
    good = certificate(tmp_path, "bus")
    bad = tmp_path / "bad"
    if content is not None:
        bad.write_bytes(content)
    files: dict[str, Path | None] = {"cert_file": good.cert, "key_file": good.key, name: bad}
    assert f"tls.{name}: {bad}" in problem(**files)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    good = certificate(tmp_path, "bus")
    large = tmp_path / "large"
    large.write_bytes(b"x" * (1024 * 1024 + 1))
    assert "larger" in problem(cert_file=large, key_file=good.key)


def test_replacing_them_is_all_or_nothing(tmp_path: Path) -> None:
    told: list[Loaded] = []
    files = certificate(tmp_path, "bus", ends=DAY)
    settings = TlsSettings(cert_file=files.cert, key_file=files.key)
    tls = Tls(settings, time.time, told.append)
    first = tls.context
    certificate(tmp_path, "bus", ends=5 * DAY)
    swap = tls.prepare()
    assert tls.context is first
    swap()
    second = tls.context
    assert second is not first
    assert told[1].expires - told[0].expires == pytest.approx(4 * 86_400, abs=60)
    files.key.write_bytes(b"broken")
    with pytest.raises(TlsProblem):
        tls.prepare()
    assert tls.context is second
    assert len(told) == 2
