"""What the entrance relies on in picows and is not documented there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from picows import WSUpgradeRequest, WSUpgradeResponseWithListener, api

from arqonbus.config.limits import LimitSettings
from arqonbus.edge.gate import Gate, Visitor
from arqonbus.edge.networks import address_of
from arqonbus.transport.entrance import READ_BUFFER, Entrance, Options

OPTIONS = Options(1.25, 3.5, 2.5, 4567)


def accept(*_: object) -> WSUpgradeResponseWithListener:
    raise AssertionError("nobody asked")


async def test_the_arguments_are_those_that_ws_create_server_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    factories: list[Callable[[], Any]] = []
    passed: list[tuple[object, ...]] = []

    async def create_server(factory: Callable[[], Any], **_: object) -> None:
        factories.append(factory)

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", create_server)
    monkeypatch.setattr(api, "WSProtocol", lambda *arguments: passed.append(arguments))
    await api.ws_create_server(
        accept,
        websocket_handshake_timeout=OPTIONS.handshake_timeout,
        enable_auto_ping=True,
        auto_ping_idle_timeout=OPTIONS.ping_interval,
        auto_ping_reply_timeout=OPTIONS.ping_timeout,
        max_frame_size=OPTIONS.max_frame_bytes,
        read_buffer_init_size=READ_BUFFER,
        use_aiofastnet=False,
    )
    factories[0]()
    assert OPTIONS.arguments(accept) == passed[0]


def test_nothing_that_is_called_per_message_is_overridden() -> None:
    own = {name for name in vars(Entrance) if not name.startswith("_")}
    assert own == {"connection_lost"}


async def test_it_adds_two_references_to_each_connection() -> None:
    gate = Gate(LimitSettings(), loopback_free=False, now=lambda: 0.0)
    visitor = Visitor(gate, address_of("198.51.100.7"), proxy=False)
    entrance = Entrance(OPTIONS, visitor, accept)
    assert not hasattr(entrance, "__dict__")
    with pytest.raises(AssertionError, match="nobody asked"):
        entrance._accept(cast("WSUpgradeRequest", None), visitor, None)
