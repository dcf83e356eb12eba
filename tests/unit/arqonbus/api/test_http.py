"""The pages over a real socket."""

from collections.abc import AsyncIterator, Mapping, Sequence

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from arqonbus.api.about import commit_of
from arqonbus.api.http import HttpServer, url_of
from arqonbus.app.addresses import bind, port_of
from arqonbus.version import __version__

LOOPBACK = "127.0.0.1"


class Bus:
    """A bus's state that a test sets."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.broken = False

    def ready(self) -> Sequence[str]:
        return self.reasons

    def health(self) -> Mapping[str, object]:
        if self.broken:
            raise RuntimeError("a detail that must not leave")
        return {"storage": {"durability": "disk"}}


class Served:
    def __init__(self) -> None:
        self.bus = Bus()
        self.faults: list[str] = []
        self.registry = CollectorRegistry()
        self.server = HttpServer(self.bus, self.registry, self.faults.append)
        self.url = ""

    async def ask(
        self, path: str, method: str = "GET"
    ) -> tuple[int, Mapping[str, str], dict[str, object]]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path) as response,
        ):
            is_json = response.content_type == "application/json" and method != "HEAD"
            body = await response.json() if is_json else {"text": await response.text()}
            return response.status, dict(response.headers), body


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    sockets = bind(LOOPBACK, 0)
    await served.server.start(sockets)
    served.url = url_of(LOOPBACK, port_of(sockets[0]))
    yield served
    await served.server.stop()


async def test_health_tells_the_durability(served: Served) -> None:
    status, headers, body = await served.ask("/health")
    assert status == 200
    assert body == {"status": "alive", "version": __version__, "storage": {"durability": "disk"}}
    assert headers["Cache-Control"] == "no-store"


async def test_ready_names_every_reason_against(served: Served) -> None:
    assert (await served.ask("/ready"))[::2] == (200, {"ready": True, "reasons": []})
    served.bus.reasons = ["draining", "storage is unavailable"]
    status, _, body = await served.ask("/ready")
    assert (status, body["ready"], body["reasons"]) == (503, False, served.bus.reasons)
    assert (await served.ask("/health"))[0] == 200


async def test_version_and_metrics(served: Served) -> None:
    _, _, body = await served.ask("/version")
    assert (body["version"], body["protocol"]) == (__version__, "1.0")
    Counter("seen", "Seen.", registry=served.registry).inc()
    _, headers, page = await served.ask("/metrics")
    assert headers["Content-Type"].startswith("text/plain")
    assert "seen_total 1.0" in str(page["text"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "NOT_FOUND"),
        ("GET", "/../etc", 404, "NOT_FOUND"),
        ("POST", "/health", 405, "VALIDATION_ERROR"),
        ("DELETE", "/metrics", 405, "VALIDATION_ERROR"),
    ],
)
async def test_errors_are_json(
    served: Served, method: str, path: str, status: int, code: str
) -> None:
    got, headers, body = await served.ask(path, method)
    assert (got, body["error_code"]) == (status, code)
    if status == 405:
        assert "GET" in headers["Allow"]


async def test_head_is_answered(served: Served) -> None:
    assert (await served.ask("/ready", "HEAD"))[0] == 200


async def test_a_fault_is_counted_and_tells_nothing(served: Served) -> None:
    served.bus.broken = True
    status, _, body = await served.ask("/health")
    assert (status, body) == (500, {"error": "internal error", "error_code": "INTERNAL"})
    assert served.faults == ["api"]


async def test_stopped_is_stopped(served: Served) -> None:
    await served.server.stop()
    await served.server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await served.ask("/health")


@pytest.mark.parametrize(
    ("text", "commit"),
    [
        (None, None),
        ("", None),
        ("[]", None),
        ('{"url": "x"}', None),
        ('{"vcs_info": {"commit_id": "abc"}}', "abc"),
    ],
)
def test_the_commit_is_told_only_when_recorded(text: str | None, commit: str | None) -> None:
    assert commit_of(lambda: text) == commit
