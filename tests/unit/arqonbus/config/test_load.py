"""What is read from where, and what stops the start."""

from pathlib import Path

import pytest

from arqonbus.config.errors import ConfigError
from arqonbus.config.load import DEFAULT, load
from arqonbus.config.model import Settings
from arqonbus.config.names import known_settings

SECRET = "kP4vX9sQ2mT7wZ1rB6nY3cL8dF5gH0jA"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "bus.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems_of(
    file: Path | None = None,
    flags: dict[str, object] | None = None,
    environ: dict[str, str] | None = None,
) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(file, flags or {}, environ or {})
    return caught.value.problems


def test_nothing_given_is_all_defaults() -> None:
    loaded = load(None, {}, {"PATH": "/bin"})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {DEFAULT}
    assert set(loaded.origins) == {setting.path for setting in known_settings()}


def test_flag_over_environment_over_file_over_default(tmp_path: Path) -> None:
    file = written(tmp_path, 'port = 1\nhttp_port = 2\nhost = "::1"\n[limits]\nbatch_messages = 7')
    environ = {"ARQONBUS_PORT": "3", "ARQONBUS_HTTP_PORT": "4"}
    loaded = load(file, {"port": 5, "host": None}, environ)
    assert (loaded.settings.port, loaded.settings.http_port) == (5, 4)
    assert loaded.settings.host == "::1"
    assert loaded.settings.limits.batch_messages == 7
    assert loaded.origins["port"] == "flag --port"
    assert loaded.origins["http_port"] == "environment variable ARQONBUS_HTTP_PORT"
    assert loaded.origins["limits.batch_messages"] == f"{file}:limits.batch_messages"
    assert loaded.origins["http_host"] == DEFAULT


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "port = 4242")
    assert load(None, {}, {"ARQONBUS_CONFIG": str(file)}).settings.port == 4242


def test_variables_are_unambiguous() -> None:
    names = [setting.env for setting in known_settings()]
    assert len(set(names)) == len(names)
    assert "ARQONBUS_CONFIG" not in names


@pytest.mark.parametrize("setting", known_settings(), ids=lambda setting: setting.path)
def test_every_setting_is_described(setting: object) -> None:
    assert getattr(setting, "description", "").endswith(".")


def test_every_problem_of_every_source_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, "prot = 1\n[auth]\nsecrets = 1\n[storge]\nbackend = 1\nother = 2")
    environ = {"ARQONBUS_HTTP_PROT": "1", "ARQONBUS_PORT": "x", "arqonbus_host": "::1"}
    found = problems_of(file, {"http_port": -1, "hots": 1}, environ)
    text = "\n".join(found)
    assert "unknown key 'prot'; the nearest known one is 'port'" in text
    assert "unknown key 'auth.secrets'; the nearest known one is 'auth.secret'" in text
    assert "unknown key 'storge.backend'; the nearest known one is 'storage.backend'" in text
    assert "storge.other" in text
    assert "ARQONBUS_HTTP_PROT; the nearest known one is ARQONBUS_HTTP_PORT" in text
    assert "arqonbus_host; the nearest known one is ARQONBUS_HOST" in text
    assert "from environment variable ARQONBUS_PORT" in text
    assert "from flag --http-port" in text
    assert "'hots'; the nearest known one is 'host'" in text
    assert len(found) == 9


def test_unknown_names_leave_the_rest_usable() -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {"port": 1}, {"ARQONBUS_SKIP_VALIDATION": "1"})
    assert caught.value.usable is not None
    assert caught.value.usable.settings.port == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = ", "is not valid TOML"),
        ("auth = 5", "auth is a table"),
        ("port = true", "a boolean is not a value"),
        ("[port]\nx = 1", "unknown key 'port.x'"),
        ("[auth]\nleeway = inf", "auth.leeway"),
        ("[auth]\nleeway = 121", "auth.leeway"),
        ('[storage]\nfile = "../up.db"', "storage.file"),
        ("[auth]\n[extra]", "unknown key 'extra'"),
    ],
)
def test_a_wrong_file_says_why(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in problem for problem in problems_of(written(tmp_path, text)))


def test_a_missing_or_binary_file_stops_the_start(tmp_path: Path) -> None:
    assert "cannot be read" in problems_of(tmp_path / "absent.toml")[0]
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in problems_of(tmp_path / "b.toml")[0]


def test_an_empty_variable_is_not_an_absent_one() -> None:
    assert "is empty" in problems_of(environ={"ARQONBUS_AUTH_SECRET": ""})[0]
    assert "is empty" in problems_of(environ={"ARQONBUS_CONFIG": ""})[0]


def test_a_secret_means_token_and_hs256() -> None:
    loaded = load(None, {}, {"ARQONBUS_AUTH_SECRET": SECRET})
    assert (loaded.settings.auth.mode, loaded.settings.auth.algorithm) == ("token", ("HS256",))
    assert loaded.origins["auth.mode"] == "implied by auth.secret"
    assert loaded.origins["auth.algorithm"] == "implied by auth.secret"


def test_an_explicit_none_stays_for_the_preflight_to_refuse() -> None:
    environ = {"ARQONBUS_AUTH_SECRET": SECRET, "ARQONBUS_AUTH_MODE": "none"}
    assert load(None, {}, environ).settings.auth.mode == "none"


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    loaded = load(None, {}, {"ARQONBUS_AUTH_SECRET": SECRET})
    assert SECRET not in repr(loaded) + str(loaded.settings)
    file = written(tmp_path, f'[auth]\nsecret = ["{SECRET}"]\nalgorithm = "{SECRET}"')
    with pytest.raises(ConfigError) as caught:
        load(file, {}, {"ARQONBUS_PORT": SECRET})
    assert SECRET not in repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None


def test_none_and_off_stand_for_no_limit() -> None:
    environ = {"ARQONBUS_RETENTION_MAX_AGE": "none", "ARQONBUS_HEARTBEAT_IDLE_TIMEOUT": "off"}
    settings = load(None, {}, environ).settings
    assert settings.retention.max_age is None
    assert settings.heartbeat.idle_timeout is None
