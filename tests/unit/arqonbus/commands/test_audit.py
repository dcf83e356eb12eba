"""Who may read which records of the audit log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from unit.arqonbus.commands.calling import Calls

from arqonbus.errors import ErrorCode
from arqonbus.model.action import Action
from arqonbus.model.principal import Principal
from arqonbus.shield.access.interface import Decision
from arqonbus.telemetry.security import EventKind, SecurityEvent

OPERATOR = Principal("root", "operators")
ACME = Principal("ann", "acme")


@pytest.fixture
async def filled(calls: Calls) -> AsyncIterator[Calls]:
    """With a record about each of two tenants."""
    await _done(calls, _fill(calls))
    yield calls
    await _done(calls, calls.wired.audit.stop())


async def _done(calls: Calls, work: Coroutine[None, None, None]) -> None:
    """Turn by turn, since the log's own tasks never end."""
    task = asyncio.create_task(work)
    while not task.done():
        await asyncio.sleep(0)
        calls.wired.turn()
    task.result()


async def _fill(calls: Calls) -> None:
    await calls.wired.audit.start()
    for tenant in ("acme", "rival"):
        event = SecurityEvent(EventKind.ADMIN, "revoke", tenant=tenant)
        await calls.wired.audit.record_now(event)


class Administrators:
    """A policy by which everybody administers."""

    epoch = "administrators"
    warnings: tuple[str, ...] = ()

    def decide(self, principal: Principal, action: Action, room: str, channel: str) -> Decision:
        del principal, action, room, channel
        return Decision(allowed=True, rule="all", why="a test")


def be(calls: Calls, principal: Principal) -> None:
    calls.wired.guard.policy = Administrators()
    calls.caller, _ = calls.wired.session("c_9", principal=principal)


def told(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["what"], one.get("tenant", "")) for one in answer["records"]]


async def test_an_operator_reads_everything_and_can_verify_it(filled: Calls) -> None:
    be(filled, OPERATOR)
    answer = await filled.payload("audit.read")
    assert told(answer) == [("begin", ""), ("start", ""), ("revoke", "acme"), ("revoke", "rival")]
    newest = answer["records"][-1]
    assert answer["head"] == {"seq": 3, "position": 4, "hash": newest["hash"]}
    assert (answer["verifiable"], answer["next_after"], answer["last_seq"]) == (True, None, 3)


async def test_pages_go_on_where_the_one_before_ended(filled: Calls) -> None:
    be(filled, OPERATOR)
    first = await filled.payload("audit.read", limit=1)
    second = await filled.payload("audit.read", limit=1, after=first["next_after"])
    assert told(first) == [("begin", ""), ("start", "")]
    assert told(second) == [("revoke", "acme")]
    late = await filled.payload("audit.read", since_time="2100-01-01T00:00:00Z")
    assert late["records"] == []


async def test_others_read_what_is_about_their_tenant_and_are_told_that_it_is_no_chain(
    filled: Calls,
) -> None:
    be(filled, ACME)
    for args in ({}, {"tenant": "acme"}):
        answer = await filled.payload("audit.read", **args)
        assert told(answer) == [("revoke", "acme")]
        assert (answer["verifiable"], answer["head"], answer["tenant"]) == (False, None, "acme")
    assert await filled.code("audit.read", tenant="rival") == ErrorCode.FORBIDDEN
    be(filled, OPERATOR)
    assert told(await filled.payload("audit.read", tenant="rival")) == [("revoke", "rival")]


async def test_nobody_reads_without_a_name(filled: Calls) -> None:
    assert await filled.code("audit.read") == ErrorCode.FORBIDDEN


async def test_there_is_nothing_before_the_first_record(calls: Calls) -> None:
    be(calls, OPERATOR)
    assert await calls.code("audit.read") == ErrorCode.NOT_FOUND
