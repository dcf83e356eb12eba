"""The command from start to end: listening, its pages, a taken port, a clean stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

LIMIT = 60  # only a hang gets there


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    inherited = {name: value for name, value in os.environ.items() if "ARQONBUS" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "arqonbus", "serve", "--data-dir", str(folder / "data"), *flags],
        env=inherited | {"PYTHONPATH": os.pathsep.join(sys.path), "ARQONBUS_LOG_FORMAT": "json"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=LIMIT)


def errors_of(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stderr is not None
    return process.stderr


def until_serving(process: subprocess.Popen[str]) -> dict[str, str]:
    """The log's own line about where it serves; the end of the log is a failure."""
    for line in errors_of(process):
        event: dict[str, str] = json.loads(line)
        if event["event"] == "serving":
            return event
    raise AssertionError("ended without serving")


def page(url: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, timeout=LIMIT) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


FREE = ("--port", "0", "--http-port", "0")


def test_serves_its_pages_and_stops_when_asked(tmp_path: Path) -> None:
    with serving(tmp_path, *FREE) as process:
        event = until_serving(process)
        status, health = page(event["http"] + "/health")
        assert (status, health["status"]) == (200, "alive")
        assert isinstance(health["storage"], dict)
        assert health["storage"]["durability"] == "disk"
        assert page(event["http"] + "/ready") == (200, {"ready": True, "reasons": []})
        assert page(event["http"] + "/nothing")[0] == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0


@pytest.mark.parametrize("flag", ["--port", "--http-port"])
def test_a_taken_port_is_told_and_never_shared(tmp_path: Path, flag: str) -> None:
    with socket.socket() as taken:
        # Even a port whose owner would share it is left alone.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with serving(tmp_path, *FREE, flag, str(port)) as process:
            said = errors_of(process).read()
            assert process.wait(LIMIT) == 69
    assert str(port) in said
    assert "use" in said
    assert '"serving"' not in said


def test_a_broken_store_is_told_and_nothing_listens(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "arqonbus.db").write_bytes(b"no database" * 1000)
    with serving(tmp_path, *FREE) as process:
        said = errors_of(process).read()
        assert process.wait(LIMIT) == 74
    assert "storage" in said
    assert '"serving"' not in said


def test_both_taken_ports_are_told_at_once(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        ports = [str(taken.getsockname()[1]) for taken in (one, other)]
        with serving(tmp_path, "--port", ports[0], "--http-port", ports[1]) as process:
            said = errors_of(process).read()
            assert process.wait(LIMIT) == 69
    assert [f":{port}" in said for port in ports] == [True, True]
