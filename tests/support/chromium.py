"""A headless Chromium, spoken to over two pipes by its own protocol: no port, and no driver.

The protocol is https://chromedevtools.github.io/devtools-protocol: JSON messages, each ended by a
zero byte, on the file descriptors 3 and 4 of the browser.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_CHOSEN = "CHROMIUM"
_LIMIT = 60.0
# It may ask nobody anything: no update, no sync, and no name that resolves.
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe"),
)
# Puts the pipes where the browser looks for them, and becomes the browser.
_LAUNCH = (
    "import os, sys; _, reads, writes, *command = sys.argv;"
    "os.dup2(int(reads), 3); os.dup2(int(writes), 4); os.execv(command[0], command)"
)

Json = dict[str, Any]  # Any: JSON values


def find_browser() -> str:
    """Return the browser's program; a machine without one fails, it doesn't skip."""
    names = [os.environ[_CHOSEN]] if os.environ.get(_CHOSEN) else list(_NAMES)
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(names)} is here; {_CHOSEN} may name one")
    return found


@dataclass
class Tab:
    """One page. `events` are all that the browser told of it."""

    writes: int
    reads: int
    session: str = ""
    events: list[Json] = field(default_factory=list)
    _heard: bytes = b""
    _asked: int = 0

    def ask(self, method: str, **params: object) -> Json:
        """Send a command and wait for its answer."""
        self._asked += 1
        message: Json = {"id": self._asked, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        while (answer := self._hear()).get("id") != self._asked:
            self.events.append(answer)
        assert "error" not in answer, (method, answer["error"])
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def wait_for(self, method: str) -> None:
        """Wait until the browser told of an event."""
        while all(event.get("method") != method for event in self.events):
            self.events.append(self._hear())

    def told(self, method: str) -> list[Json]:
        """What the browser told of one kind of event."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def evaluate(self, expression: str) -> Any:  # Any: a JSON value
        """The value of an expression in the page."""
        done = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def picture(self) -> bytes:
        """The whole page as PNG."""
        done = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(done["data"])

    def pdf(self) -> bytes:
        """The page as it is printed on A4."""
        size = {"paperWidth": 8.27, "paperHeight": 11.69}
        return base64.b64decode(self.ask("Page.printToPDF", **size)["data"])

    def _hear(self) -> Json:
        while b"\0" not in self._heard:
            ready, _, _ = select.select([self.reads], [], [], _LIMIT)
            assert ready, f"the browser said nothing for {_LIMIT} s"
            part = os.read(self.reads, 1 << 16)
            assert part, "the browser ended"
            self._heard += part
        message, _, self._heard = self._heard.partition(b"\0")
        heard = json.loads(message)
        assert isinstance(heard, dict)
        return heard


@contextmanager
def tab(
    file: Path, profile: Path, *, width: int = 1280, height: int = 900, scheme: str = "light"
) -> Iterator[Tab]:
    """A browser of its own with one file open, in which no script runs."""
    with _running(profile) as opened:
        target = opened.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = opened.ask("Target.attachToTarget", targetId=target, flatten=True)
        opened.session = attached["sessionId"]
        for domain in ("Page", "Network", "Log"):
            opened.ask(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        opened.ask("Emulation.setDeviceMetricsOverride", **size)
        prefers = {"name": "prefers-color-scheme", "value": scheme}
        opened.ask("Emulation.setEmulatedMedia", features=[prefers])
        opened.ask("Emulation.setScriptExecutionDisabled", value=True)
        opened.ask("Page.navigate", url=file.as_uri())
        opened.wait_for("Page.loadEventFired")
        yield opened


@contextmanager
def _running(profile: Path) -> Iterator[Tab]:
    to_browser, writes = os.pipe()
    reads, from_browser = os.pipe()
    started = [sys.executable, "-c", _LAUNCH, str(to_browser), str(from_browser)]
    command = [*started, find_browser(), *_FLAGS, f"--user-data-dir={profile}"]
    with (profile.parent / f"{profile.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, pass_fds=(to_browser, from_browser)
        )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Tab(writes, reads)
    finally:
        os.close(writes)  # a browser whose pipe ends ends itself
        os.close(reads)
        try:
            process.wait(timeout=_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
