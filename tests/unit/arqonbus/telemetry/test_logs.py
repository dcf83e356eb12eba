"""One line an event, and never a secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from pydantic import SecretStr

from arqonbus.config.model import LogSettings
from arqonbus.telemetry.logs import configure


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_json_lines_off_a_terminal(out: io.StringIO) -> None:
    configure(LogSettings(), out)
    structlog.get_logger().info("listening", port=1)
    logging.getLogger("library").warning("told %s", "too")
    first, second = lines(out)
    assert (first["event"], first["port"], first["level"]) == ("listening", 1, "info")
    assert (second["event"], second["logger"]) == ("told too", "library")


def test_the_level_holds_for_both(out: io.StringIO) -> None:
    configure(LogSettings(level="warning"), out)
    structlog.get_logger().info("quiet")
    logging.getLogger("library").info("quiet")
    assert out.getvalue() == ""


def raising(local: str) -> None:
    raise ValueError(f"seen {len(local)}")


@pytest.mark.parametrize("kind", ["json", "console"])
def test_no_secret_by_name_type_or_traceback(out: io.StringIO, kind: str) -> None:
    configure(LogSettings.model_validate({"format": kind}), out)
    try:
        raising("hush-4")
    except ValueError:
        structlog.get_logger().exception(
            "failed", token="hush-1", auth_secret="hush-2", value=SecretStr("hush-3"), tokens_seen=7
        )
    assert "hush-" not in out.getvalue().replace('"hush-4"', "")  # the source line itself
    assert "seen 6" in out.getvalue()
    assert "tokens_seen" in out.getvalue()


@pytest.mark.parametrize(("level", "heard"), [("info", ["loud"]), ("debug", ["quiet", "loud"])])
def test_libraries_are_quiet_unless_one_debugs(
    out: io.StringIO, level: Literal["info", "debug"], heard: list[str]
) -> None:
    configure(LogSettings(level=level), out)
    logging.getLogger("library").info("quiet")
    logging.getLogger("library").warning("loud")
    assert [line["event"] for line in lines(out)] == heard
