"""A worker that was given up went on being handed tasks, or gave out those of others."""

from __future__ import annotations

import asyncio

import pytest
from support.script import Scene, stage
from support.server import Server

from arqonbus.client import Client

NAMES = ("r", "c", "g")


async def asked(scene: Scene) -> str:
    """The next command, answered with success."""
    frame = await scene.receive()
    await scene.send("response", request_id=frame["id"], status="success", payload={})
    return str(frame["command"])


async def test_a_worker_whose_join_was_given_up_leaves_the_group() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.work(*NAMES))
        assert (await scene.receive())["command"] == "group.join"
        joining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await joining
        again = asyncio.create_task(client.work(*NAMES))
        assert [await asked(scene), await asked(scene)] == ["group.leave", "group.join"]
        await again


async def test_a_join_that_was_not_answered_in_time_is_taken_back_first() -> None:
    async with stage() as played, Client(played.url, command_timeout=0.2) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.work(*NAMES))
        assert (await scene.receive())["command"] == "group.join"
        assert [await asked(scene), await asked(scene)] == ["group.leave", "group.join"]
        await joining


async def test_tasks_that_were_given_back_by_leaving_are_not_worked_on(bus: Server) -> None:
    async with Client(bus.url) as client:
        work = await client.work(*NAMES, credits=3)
        for n in range(3):
            await client.publish("r", "c", n)
        await anext(work)
        await client.command("ping")  # the others came before its answer
        await work.close()
        with pytest.raises(StopAsyncIteration):
            await anext(work)
