"""Stores that must not be started with."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from arqonbus.app.preflight import BINDS, problems
from arqonbus.app.preflight_storage import redis_password
from arqonbus.config.model import Settings
from arqonbus.config.storage import RedisSettings
from arqonbus.model.durability import Durability

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
PROD: dict[str, object] = {"profile": "prod", "auth": {"secret": SECRET}}
EXPLICIT = dict.fromkeys(BINDS, "flag")


def found(settings: dict[str, object], **redis: object) -> str:
    whole = {"storage": {"backend": "redis"}, "redis": redis} | settings if redis else settings
    return "\n".join(problems(Settings.model_validate(whole), EXPLICIT))


def test_what_may_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("pass word\n")
    assert found({}, url="redis://127.0.0.1") == ""
    assert found(PROD, url="redis://[::1]:7/1", password_file=tmp_path / "file") == ""
    assert found(PROD, url="rediss://redis.example") == ""
    assert found(PROD, url="unix:///run/valkey.sock") == ""
    assert found({}, url="rediss://r.example", tls_ca_file=tmp_path / "file") == ""


@pytest.mark.parametrize(
    ("redis", "sentence"),
    [
        ({"prefix": "p"}, "redis needs redis.url"),
        ({"url": "http://h"}, "redis.url: the scheme is none of"),
        ({"url": "redis://h", "password": "x", "password_file": "/f"}, "not both"),
        ({"url": "redis://h", "password_file": "/nonexistent"}, "password_file: cannot be read"),
        ({"url": "redis://h", "tls_ca_file": "/f"}, "without TLS"),
        ({"url": "rediss://h", "tls_ca_file": "/nonexistent"}, "cannot be read"),
        ({"url": "rediss://h", "tls_cert_file": "/f"}, "both, or none"),
    ],
)
def test_what_contradicts_itself(redis: dict[str, object], sentence: str) -> None:
    assert sentence in found({}, **redis)


@pytest.mark.parametrize(
    "url", ["redis://r.example", "redis://10.0.0.1", "redis+sentinel://127.0.0.1,r.example/main"]
)
def test_production_wants_tls_beyond_this_machine(url: str) -> None:
    assert "needs TLS beyond this machine" in found(PROD, url=url)
    assert found({}, url=url) == ""


def test_production_wants_durable_and_strict() -> None:
    for storage, sentence in [
        ({"backend": "memory"}, "durable storage: storage.backend memory"),
        ({"backend": "sqlite", "durability": "memory"}, "storage.durability memory"),
        ({"mode": "degraded"}, "needs storage.mode strict"),
    ]:
        assert sentence in found({**PROD, "storage": storage})
        assert found({"storage": storage}) == ""
    text = found(
        {**PROD, "storage": {"backend": "redis", "durability": "remote"}}, url="rediss://h"
    )
    assert "storage.durability remote" in text


@pytest.mark.parametrize(
    ("backend", "durability"),
    [("memory", "remote"), ("memory", "disk"), ("sqlite", "replicated")],
)
def test_more_than_a_backend_can_give(backend: str, durability: str) -> None:
    text = found({"storage": {"backend": backend, "durability": durability}})
    assert f"{durability} can't be reached by storage.backend {backend}" in text


def test_the_level_that_is_asked_for() -> None:
    def demanded(**storage: str) -> Durability:
        return Settings.model_validate({"storage": storage}).storage.demanded

    assert demanded() == demanded(backend="redis") == Durability.DISK
    assert demanded(backend="memory") == Durability.MEMORY
    assert demanded(backend="redis", durability="replicated") == Durability.REPLICATED


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "install arqonbus[redis]" in found({}, url="redis://127.0.0.1")


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_password_file_that_holds_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"redis\.password_file"):
        redis_password(RedisSettings(password_file=file))


def test_what_was_meant_but_would_not_be_used() -> None:
    elsewhere: dict[str, object] = {"storage": {"backend": "sqlite"}, "redis": {"url": "redis://h"}}
    assert "redis.url is set but storage.backend is sqlite" in found(elsewhere)
    assert "means nothing with storage.backend memory" in found(
        {"storage": {"backend": "memory", "mode": "degraded"}}
    )
