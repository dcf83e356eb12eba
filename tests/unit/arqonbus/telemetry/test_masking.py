"""No secret in a log line, whatever it hides in; and what is none stays readable."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import jwt
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from arqonbus.config.model import LogSettings
from arqonbus.telemetry.logs import configure
from arqonbus.telemetry.masking import MASK, is_secret_name, mask_secrets, mask_text

TOKEN = jwt.encode({"sub": "ann"}, "q8Zt-4vX_mN2pLr7KcW9sYb3HdJf6GaE", "HS256")


@pytest.mark.parametrize(
    "name",
    [
        "token", "access_token", "accessToken", "X-Auth-Token", "AUTH_SECRET", "clientSecret",
        "redis.password", "passwd", "passphrase", "Authorization", "proxy-authorization", "apiKey",
        "api_key", "private-key", "signing_key", "Set-Cookie", "jwt", "credentials", "userPassword",
        "JWT",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["tokens_seen", "author", "key", "key_id", "secretary", "passed", "pinned", "subject", "kid"],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        TOKEN[: len(TOKEN) // 2],
        f"the token {TOKEN} has expired",
        f"Authorization: Bearer {TOKEN}",
        "authorization: bearer hush-1",
        "{'Authorization': 'Digest hush-1'}",
        "Basic aHVzaDpodXNoLTE=",
        "Sec-WebSocket-Protocol: arqonbus.v1.json, arqonbus.bearer.hush-1",
        "redis://user:hush-1@host:6379/0",
        "can't reach rediss://:hush-1@host",
        "https://hush-1@host/path",
        r"https://u:hush-0\\hush-1@host/path",
        "https://host/?access_token=hush-1&x=1",
        "password = hush-1",
        "PASSWORD='hush-1'",
        "{'password': 'hush-1 hush-2', 'user': 'ann'}",
        '{"client_secret": "hush-1"}',
        r"said {\"token\": \"hush-1\"}",
        "-----BEGIN EC PRIVATE KEY-----\nhush-1\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhush-1",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    masked = mask_text(text)
    assert MASK in masked
    for secret in ("hush-", "aHVzaD", TOKEN[:20], TOKEN.split(".")[1]):
        assert secret not in masked


@pytest.mark.parametrize(
    "text",
    [
        "auth.secret: at least 32 bytes are needed",
        "the token has expired",
        "ws://127.0.0.1:9100 serves lobby:chat",
        "basic authentication is not served",
        "tokens_seen=7 author=ann",
        "Bearing left at 10:00",
    ],
)
def test_what_is_none_stays_readable(text: str) -> None:
    assert mask_text(text) == text


def test_secrets_deep_inside_of_values() -> None:
    event: dict[str, object] = {
        "headers": [{"Authorization": "x", "Host": "h"}],
        "given": {"redis": {"password": "x", "url": "u"}, "value": SecretStr("x")},
    }
    assert mask_secrets(None, "", event) == {
        "headers": [{"Authorization": MASK, "Host": "h"}],
        "given": {"redis": {"password": MASK, "url": "u"}, "value": MASK},
    }


def test_endless_values_end() -> None:
    deep: dict[str, object] = {}
    deep["again"] = deep
    assert MASK in str(mask_secrets(None, "", {"deep": deep}))


@given(st.text())
def test_a_json_line_stays_one(text: str) -> None:
    line = json.dumps({"event": text, "more": [f"password={text}", f"bearer {text}"]})
    json.loads(mask_text(line))


@given(
    st.sampled_from(["a", "://", "eyJ", "token=", "authorization:", "bearer ", '{"', "-----BEGIN "])
)
def test_no_text_makes_it_slow(part: str) -> None:
    """Quadratic time would take minutes here."""
    assert mask_text(part * 20_000) is not None


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("kind", ["json", "console"])
def test_texts_of_exceptions_and_of_libraries_are_masked(out: io.StringIO, kind: str) -> None:
    configure(LogSettings.model_validate({"format": kind}), out)
    where = "hush-1"
    error = ValueError(f"Bearer {where}")
    error.__cause__ = ConnectionError(f"redis://user:{where}@host")
    structlog.get_logger().error("failed", reason=str(error), error=error, exc_info=error)
    logging.getLogger("library").warning("token=%s", where, exc_info=error)
    written = out.getvalue()
    assert MASK in written
    assert "hush-1" not in written
