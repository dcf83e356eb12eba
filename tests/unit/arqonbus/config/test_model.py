"""The model refuses what makes no sense and can't be changed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from arqonbus.config.errors import ConfigError
from arqonbus.config.load import load
from arqonbus.config.model import Settings
from arqonbus.config.names import MASK, known_settings, shown, value_at


def test_frozen_at_every_depth() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.port = 1
    with pytest.raises(ValidationError):
        settings.limits.max_channels = 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 65_536},
        {"port": -1},
        {"host": ""},
        {"profile": "production"},
        {"drain_timeout": 0},
        {"auth": {"leeway": -1}},
        {"auth": {"algorithm": "none"}},
        {"auth": {"algorithm": "HS256,none"}},
        {"auth": {"algorithm": ["HS256", "NONE"]}},
        {"auth": {"algorithm": "ES256K"}},
        {"auth": {"algorithm": "HS256,"}},
        {"auth": {"algorithm": [["HS256"]]}},
        {"auth": {"secret_file": "a,,b"}},
        {"auth": {"public_key_file": [""]}},
        {"auth": {"jwks_url": "https://user:word@keys.invalid/"}},
        {"auth": {"jwks_max_age": "none"}},
        {"auth": {"jwks_min_interval": 0}},
        {"auth": {"max_lifetime": 0}},
        {"auth": {"tenant_claim": ""}},
        {"storage": {"backend": "postgres"}},
        {"storage": {"mode": "lenient"}},
        {"storage": {"durability": "tape"}},
        {"redis": {"url": "redis://user:pass@host"}},
        {"redis": {"prefix": "a{b}"}},
        {"redis": {"replicas": 0}},
        {"storage": {"file": ""}},
        {"storage": {"file": "a/b"}},
        {"storage": {"file": ".."}},
        {"retention": {"max_age": 0}},
        {"limits": {"max_frame_bytes": 0}},
        {"limits": {"batch_messages": 0}},
        {"outbox": {"max_bytes": 1}},
        {"outbox": {"on_overflow": "block"}},
        {"heartbeat": {"interval": 0}},
        {"heartbeat": {"interval": float("nan")}},
        {"log": {"level": "trace"}},
        {"surplus": 1},
        {"limits": {"surplus": 1}},
    ],
)
def test_out_of_range(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_shown_masks_and_names() -> None:
    assert shown(SecretStr("x")) == MASK
    assert shown((Path("a"), "b")) == "a,b"
    assert shown(()) == "none"
    assert (shown(None), shown(True), shown(2.0), shown(2.5)) == ("none", "true", "2", "2.5")
    with pytest.raises(TypeError):
        shown(object())


def test_every_path_has_its_value() -> None:
    for setting in known_settings():
        assert shown(value_at(Settings(), setting.path)) == setting.default
    with pytest.raises(KeyError):
        value_at(Settings(), "port.deeper")


NAMES = st.sampled_from([setting.env for setting in known_settings()]) | st.text(max_size=20).map(
    lambda text: f"ARQONBUS_{text}"
)


@given(st.dictionaries(NAMES, st.text(max_size=40), max_size=4))
def test_no_environment_breaks_the_loader(environ: dict[str, str]) -> None:
    environ.pop("ARQONBUS_CONFIG", None)
    try:
        loaded = load(None, {}, environ)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - either outcome is right, each has its own shape
    else:
        assert loaded.settings.model_fields_set or not environ
