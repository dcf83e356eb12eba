"""What must not start."""

from pathlib import Path

import pytest

from arqonbus.app.addresses import is_loopback
from arqonbus.app.preflight import BINDS, lacks, problems
from arqonbus.config.load import DEFAULT
from arqonbus.config.model import Settings
from arqonbus.model.capability import Capability

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"
EXPLICIT = dict.fromkeys(BINDS, "flag")
ANYWHERE = ("0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "bus.example", "0")


def found(settings: dict[str, object], origins: dict[str, str] | None = None) -> str:
    return "\n".join(problems(Settings.model_validate(settings), origins or {}))


def test_the_defaults_may_start(tmp_path: Path) -> None:
    assert problems(Settings(data_dir=tmp_path), {}) == []


def test_a_good_production(tmp_path: Path) -> None:
    settings = {"profile": "prod", "host": "::", "auth": {"secret": SECRET}, "data_dir": tmp_path}
    settings["edge"] = {"tls_terminated": True}
    assert found(settings, EXPLICIT) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "::ffff:127.0.0.1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ANYWHERE)
@pytest.mark.parametrize("path", ["host", "http_host"])
@pytest.mark.parametrize("profile", ["dev", "staging", "prod"])
def test_an_open_bind_needs_authentication_in_every_profile(
    host: str, path: str, profile: str
) -> None:
    origins = {path: "environment variable X"}
    assert f"{path}: {host} (from environment variable X)" in found(
        {path: host, "profile": profile}, origins
    )
    assert f"{path}: {host}" not in found({path: host, "auth": {"secret": SECRET}})


@pytest.mark.parametrize("profile", ["dev", "staging", "prod"])
@pytest.mark.parametrize("secret", ["short", "arqon-dev-secret" * 3, "changeme" * 5, "a" * 40])
def test_a_weak_secret_in_every_profile(profile: str, secret: str) -> None:
    text = found({"profile": profile, "auth": {"secret": secret}}, EXPLICIT)
    assert "auth.secret: the secret" in text
    assert secret not in text


def test_production_tells_everything_at_once() -> None:
    text = found({"profile": "prod", "storage": {"backend": "memory"}})
    assert text.count("profile prod needs") == 6
    for what in ("authentication", "durable storage", *BINDS):
        assert what in text


@pytest.mark.parametrize("path", BINDS)
def test_production_wants_each_bind_said(path: str, tmp_path: Path) -> None:
    settings = {"profile": "prod", "auth": {"secret": SECRET}, "data_dir": tmp_path}
    text = found(settings, EXPLICIT | {path: DEFAULT})
    assert text == f"profile prod needs explicit binds: {path} was left to its default"


@pytest.mark.parametrize(
    "given",
    [{"secret": SECRET}, {"issuer": "x"}, {"public_key_file": "k.pem", "algorithm": "RS256"}],
)
def test_mode_none_beside_anything_of_tokens(given: dict[str, object]) -> None:
    assert "auth.mode is none" in found({"auth": {"mode": "none"} | given})


def test_token_without_a_key_and_with_an_absent_one() -> None:
    assert "there is no key" in found({"auth": {"mode": "token"}})
    assert "cannot be read" in found({"auth": {"secret_file": "/nonexistent/secret"}})


def test_ports_and_sizes_that_contradict() -> None:
    assert "both 9100" in found({"http_port": 9100})
    assert found({"port": 0, "http_port": 0}) == ""
    frame = {"max_frame_bytes": 32 * 1024 * 1024}
    assert "outbox.max_bytes" in found({"limits": frame})
    assert "max_pending_bytes" in found({"limits": frame, "storage": {"max_pending_bytes": 2**20}})


def test_rates_that_would_refuse_something_for_ever() -> None:
    text = found({"rates": {"burst": 1.0, "tenant_bytes": 1000.0, "connection_messages": 0.5}})
    assert "rates.tenant_bytes: 1000 a second are less than limits.max_frame_bytes" in text
    assert "rates.connection_messages: 0.5 a second are less than one" in text
    assert found({"rates": {"burst": 1.0, "tenant_bytes": 2.0**20, "tenant_messages": 1.0}}) == ""


def test_a_burst_longer_than_the_heartbeat_s_patience() -> None:
    heartbeat = {"timeout": 2.0}
    text = found({"rates": {"burst": 2.0, "tenant_messages": 9.0}, "heartbeat": heartbeat})
    assert "rates.burst: 2 s is not less than heartbeat.timeout" in text
    assert found({"rates": {"burst": 2.0}, "heartbeat": heartbeat}) == ""


def test_a_data_dir_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "is not a folder" in found({"data_dir": file / "below"})
    assert "cannot be used" in found({"data_dir": "x" * 5000})
    assert "not a folder name" in found({"data_dir": "a\0b"})
    (tmp_path / "dangling").symlink_to(tmp_path / "absent")
    assert "is not a folder" in found({"data_dir": tmp_path / "dangling"})
    (tmp_path / "arqonbus.db").mkdir()
    assert "is not a file" in found({"data_dir": tmp_path})
    assert found({"data_dir": file, "storage": {"backend": "memory"}}) == ""


def test_a_read_only_data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, whom no mode stops; the question asked is the same.
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "no permission" in found({"data_dir": tmp_path / "a" / "b"})


def test_looking_leaves_nothing_behind(tmp_path: Path) -> None:
    assert found({"data_dir": tmp_path / "new"}) == ""
    assert list(tmp_path.iterdir()) == []


def test_what_the_backend_cannot_do_must_be_switched_off() -> None:
    every = frozenset(Capability)
    assert lacks(Settings(), every) == []
    found = lacks(Settings(), every - {Capability.GROUPS})
    assert [line.split(":")[0] for line in found] == ["groups.enabled"]
    off = Settings.model_validate({"groups": {"enabled": False}, "delayed": {"enabled": False}})
    assert lacks(off, frozenset()) == []
    assert len(lacks(Settings(), frozenset())) == 2
