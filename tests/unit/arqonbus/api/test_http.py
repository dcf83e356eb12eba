"""The pages over a real socket."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from arqonbus.api.about import commit_of
from arqonbus.api.http import HttpServer, url_of
from arqonbus.api.interface import Caller
from arqonbus.app.addresses import bind, port_of
from arqonbus.config.model import Settings
from arqonbus.edge.edge import Edge
from arqonbus.errors import ArqonBusError, ErrorCode
from arqonbus.telemetry.metrics import Metrics
from arqonbus.telemetry.security import SecurityEvents
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


class Admins:
    """Lets Ada administrate and knows Bob."""

    def __init__(self) -> None:
        self.ran: list[tuple[Caller, str, Mapping[str, object]]] = []
        self.broken = False

    async def run(self, caller: Caller, command: str, args: Mapping[str, object]) -> object:
        if self.broken:
            raise RuntimeError("a detail that must not leave")
        if caller.token not in {"ada", "bob"}:
            raise ArqonBusError(ErrorCode.UNAUTHENTICATED, "a bearer token is required")
        if caller.token == "bob":
            raise ArqonBusError(ErrorCode.FORBIDDEN, "bob may not")
        if args.get("code"):
            raise ArqonBusError(ErrorCode(str(args["code"])), "as you like")
        self.ran.append((caller, command, args))
        return {"did": command}


class Served:
    """The pages of a bus in profile `profile`; `settings` are the sections."""

    def __init__(self, **settings: object) -> None:
        self.bus = Bus()
        self.registry = CollectorRegistry()
        metrics = Metrics(self.registry)
        events = SecurityEvents(metrics)
        self.edge = Edge(Settings.model_validate(settings), metrics, events, None, time.monotonic)
        self.admin = Admins()
        self.server = HttpServer(self.bus, self.registry, self.edge, self.admin)
        self.url = ""

    async def start(self) -> None:
        sockets = bind(LOOPBACK, 0)
        await self.server.start(sockets)
        self.url = url_of(LOOPBACK, port_of(sockets[0]))

    async def ask(
        self, path: str, method: str = "GET", **more: Any
    ) -> tuple[int, Mapping[str, str], dict[str, object]]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, **more) as response,
        ):
            is_json = response.content_type == "application/json" and method != "HEAD"
            body = await response.json() if is_json else {"text": await response.text()}
            return response.status, dict(response.headers), body


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.start()
    yield served
    await served.server.stop()


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[Served]:
    served = Served(**settings)
    await served.start()
    try:
        yield served
    finally:
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
    text = str((await served.ask("/metrics"))[2]["text"])
    assert 'arqonbus_internal_errors_total{where="api"} 1.0' in text


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


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **more}


@pytest.mark.parametrize("name", ["reload", "revoke"])
async def test_an_administrator_runs_commands(served: Served, name: str) -> None:
    args = {"token_id": "t1"} if name == "revoke" else {}
    status, headers, body = await served.ask(
        f"/v1/admin/{name}", "POST", headers=bearer("ada"), json=args
    )
    assert (status, body) == (200, {"status": "success", "payload": {"did": f"admin.{name}"}})
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not [header for header in headers if header.startswith("Access-Control")]
    [(caller, command, ran)] = served.admin.ran
    assert (caller.token, caller.certificate, caller.address) == ("ada", None, LOOPBACK)
    assert (command, ran) == (f"admin.{name}", args)
    assert "ada" not in repr(caller)


async def test_no_body_is_no_arguments(served: Served) -> None:
    assert (await served.ask("/v1/admin/reload", "POST", headers=bearer("ada")))[0] == 200
    assert served.admin.ran[0][2] == {}


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "UNAUTHENTICATED"),
        (bearer("eve"), 401, "UNAUTHENTICATED"),
        ({"Authorization": "Basic ada"}, 401, "UNAUTHENTICATED"),
        (bearer("bob"), 403, "FORBIDDEN"),
        (bearer("ada", Origin="https://evil.example"), 403, "FORBIDDEN"),
        (bearer("ada", Origin="null"), 403, "FORBIDDEN"),
    ],
)
async def test_who_is_no_administrator(
    served: Served, headers: dict[str, str], status: int, code: str
) -> None:
    got, answered, body = await served.ask("/v1/admin/reload", "POST", headers=headers)
    assert (got, body["error_code"]) == (status, code)
    assert served.admin.ran == []
    assert answered["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in answered) == (status == 401)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"1", b'"a"', b"\xff", b"[" * 10_000, b"{} {}", b"null"]
)
async def test_a_body_that_is_no_object(served: Served, body: bytes) -> None:
    headers = bearer("ada", **{"Content-Type": "application/json"})
    got, _, answered = await served.ask("/v1/admin/reload", "POST", headers=headers, data=body)
    assert (got, answered["error_code"]) == (400, "VALIDATION_ERROR")


async def test_a_body_of_another_type_or_size(served: Served) -> None:
    headers = bearer("ada", **{"Content-Type": "text/plain"})
    assert (await served.ask("/v1/admin/reload", "POST", headers=headers, data=b"{}"))[0] == 400
    large = {"a": "x" * 20_000}
    got, _, body = await served.ask("/v1/admin/revoke", "POST", headers=bearer("ada"), json=large)
    assert (got, body["error_code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert served.admin.ran == []


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("VALIDATION_ERROR", 400), ("NOT_FOUND", 404), ("CONFLICT", 409), ("RATE_LIMITED", 429),
        ("STORAGE_UNAVAILABLE", 503), ("INTERNAL", 500),
    ],
)  # fmt: skip
async def test_an_error_has_its_status(served: Served, code: str, status: int) -> None:
    got, headers, body = await served.ask(
        "/v1/admin/revoke", "POST", headers=bearer("ada"), json={"code": code}
    )
    assert (got, body) == (status, {"error": "as you like", "error_code": code})
    assert ("Retry-After" in headers) == (status == 429)


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "DELETE"])
async def test_commands_are_posted(served: Served, method: str) -> None:
    got, headers, _ = await served.ask("/v1/admin/reload", method, headers=bearer("ada"))
    assert (got, headers["Allow"]) == (405, "POST")


async def test_a_fault_of_a_command_tells_nothing(served: Served) -> None:
    served.admin.broken = True
    status, _, body = await served.ask("/v1/admin/reload", "POST", headers=bearer("ada"))
    assert (status, body) == (500, {"error": "internal error", "error_code": "INTERNAL"})


async def test_guessing_tokens_is_stopped() -> None:
    limits = {"failed_handshake_burst": 3, "failed_handshakes_per_address": 0.001}
    async with serving(profile="staging", limits=limits) as served:
        for _ in range(3):
            assert (await served.ask("/v1/admin/reload", "POST", headers=bearer("eve")))[0] == 401
        got, headers, body = await served.ask("/v1/admin/reload", "POST", headers=bearer("ada"))
        assert (got, body["error_code"]) == (429, "RATE_LIMITED")
        assert int(headers["Retry-After"]) >= 1
        assert served.admin.ran == []


async def test_the_address_is_the_one_a_trusted_proxy_tells() -> None:
    edge = {"proxy_header": "forwarded", "trusted_proxies": "127.0.0.1"}
    async with serving(edge=edge) as served:
        headers = bearer("ada", Forwarded='for="[2001:db8::1]:4711"')
        assert (await served.ask("/v1/admin/reload", "POST", headers=headers))[0] == 200
        assert served.admin.ran[0][0].address == "2001:db8::1"
        garbage = bearer("ada", Forwarded="for=")
        assert (await served.ask("/v1/admin/reload", "POST", headers=garbage))[0] == 400


async def test_a_connection_that_says_nothing_is_ended() -> None:
    async with serving(profile="staging", heartbeat={"handshake_timeout": 0.05}) as served:
        host, port = served.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /health HTTP/1.1\r\nHost: a\r\nX: ")
        async with asyncio.timeout(20):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
        writer.close()
        assert served.edge.gate.pending == 0
        assert not served.edge.gate.connections


async def test_one_request_a_connection(served: Served) -> None:
    _, headers, _ = await served.ask("/health")
    assert headers["Connection"] == "close"
