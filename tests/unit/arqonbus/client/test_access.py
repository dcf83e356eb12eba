"""Access that is taken away is told where it was had."""

from __future__ import annotations

import asyncio

import pytest
from support.script import Frame, Scene, stage

from arqonbus.client import AccessLostError, Backoff, Client, Message, RefusedError, Work

FAST = Backoff(first=0.001, limit=0.01)
ACCESS = {"event": "access", "room": "r", "channel": "c", "left": True}


async def working(client: Client, scene: Scene) -> Work:
    joining = asyncio.create_task(client.work("r", "c", "g"))
    await answered(scene)
    return await joining


async def answered(scene: Scene) -> None:
    frame = await scene.receive()
    assert frame["command"] == "group.join"
    await scene.send("response", request_id=frame["id"], status="success", payload={})


async def refuse(scene: Scene, frame: Frame, code: str, why: str = "no") -> None:
    await scene.send(
        "error",
        request_id=frame["id"],
        status="error",
        error=why,
        error_code=code,
        payload={"retryable": False},
    )


async def test_a_subscription_ends_behind_what_had_come() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.subscribe("r", "c"))
        await scene.joined()
        subscription = await joining
        await scene.message(1)
        await scene.send("notice", payload=ACCESS)
        assert isinstance(await anext(subscription), Message)
        with pytest.raises(AccessLostError) as lost:
            await anext(subscription)
        assert (lost.value.room, lost.value.channel, lost.value.group) == ("r", "c", None)
        again = asyncio.create_task(client.subscribe("r", "c"))
        await scene.joined()
        assert (await again) is not subscription


async def test_a_worker_ends_and_its_subscription_does_not() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.subscribe("r", "c"))
        await scene.joined()
        subscription = await joining
        work = await working(client, scene)
        await scene.send("notice", payload=ACCESS | {"group": "g"})
        with pytest.raises(AccessLostError, match="group g of r:c"):
            await anext(work)
        await scene.message(1)
        assert isinstance(await anext(subscription), Message)
        await working(client, scene)


async def test_what_may_not_be_joined_again_says_why() -> None:
    async with stage() as played, Client(played.url, backoff=FAST) as client:
        first = await played.scene()
        joining = asyncio.create_task(client.subscribe("r", "c"))
        await first.joined()
        subscription = await joining
        work = await working(client, first)
        await first.close(4000)
        second = await played.scene()
        for _ in range(2):
            frame = await second.receive()
            await refuse(second, frame, "FORBIDDEN", f"not allowed: {frame['command']}")
        with pytest.raises(AccessLostError, match="not allowed: join_channel"):
            await anext(subscription)
        with pytest.raises(AccessLostError, match=r"not allowed: group\.join"):
            await anext(work)


async def test_a_first_join_is_refused_as_ever() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        for asking in (client.subscribe("r", "c"), client.work("r", "c", "g")):
            task: asyncio.Task[object] = asyncio.ensure_future(asking)
            await refuse(scene, await scene.receive(), "FORBIDDEN")
            with pytest.raises(RefusedError) as error:
                await task
            assert error.value.rule is None


async def test_what_was_left_already_is_nothing_new() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        for more in ({}, {"group": "g"}):
            await scene.send("notice", payload=ACCESS | more)
        publishing = asyncio.create_task(client.publish("r", "c", 1))
        await scene.ack(await scene.receive())
        await publishing


async def test_a_blocked_message_names_its_rule() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        publishing = asyncio.create_task(client.publish("r", "c", 1))
        what = "no-secrets: aws-access-key at payload/a: b"
        await refuse(scene, await scene.receive(), "POLICY_BLOCKED", what)
        with pytest.raises(RefusedError) as error:
            await publishing
        assert error.value.rule == "no-secrets"
