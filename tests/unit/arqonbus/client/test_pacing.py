"""What a rate refused is sent again, and never behind what was taken after it."""

from __future__ import annotations

import asyncio

import pytest
from support.script import Frame, Scene, stage

from arqonbus.client import Backoff, Client, ConnectionLostError, Receipt, RefusedError

FAST = Backoff(first=0.001, limit=0.01)


async def limited(scene: Scene, frame: Frame, seconds: float | None = 0.001) -> None:
    payload: dict[str, object] = {"retryable": True}
    if seconds is not None:
        payload["retry_after"] = seconds
    await scene.send(
        "error",
        request_id=frame["id"],
        status="error",
        error="too many",
        error_code="RATE_LIMITED",
        payload=payload,
    )


def publish(client: Client, count: int, channel: str = "c") -> list[asyncio.Task[Receipt]]:
    return [asyncio.create_task(client.publish("r", channel, n)) for n in range(count)]


async def test_all_that_was_refused_is_sent_again_in_order() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        publishing = publish(client, 3)
        frames = [await scene.receive() for _ in range(3)]
        for frame in frames:
            await limited(scene, frame)
        again = [await scene.receive() for _ in range(3)]
        assert again == frames
        for frame in again:
            await scene.ack(frame)
        assert [receipt.sends for receipt in await asyncio.gather(*publishing)] == [2, 2, 2]


async def test_what_was_passed_by_a_later_one_is_refused() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        publishing = publish(client, 3)
        frames = [await scene.receive() for _ in range(3)]
        await limited(scene, frames[0])
        await scene.ack(frames[1])
        await limited(scene, frames[2], 0.002)
        with pytest.raises(RefusedError) as error:
            await publishing[0]
        assert error.value.retry_after == 0.001
        assert (await publishing[1]).sends == 1
        await scene.ack(await scene.receive())
        assert (await publishing[2]).sends == 2


async def test_new_ones_of_the_channel_wait_and_others_do_not() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        (first,) = publish(client, 1)
        frame = await scene.receive()
        (blocker,) = publish(client, 1)
        behind = await scene.receive()
        await limited(scene, frame)
        # Not due while it is open what becomes of the one behind it.
        (other,) = publish(client, 1, "other")
        await scene.ack(await scene.receive())
        await other
        (later,) = publish(client, 1)
        await limited(scene, behind)
        got = [await scene.receive() for _ in range(3)]
        assert [one["id"] for one in got[:2]] == [frame["id"], behind["id"]]
        for one in got:
            await scene.ack(one)
        receipts = await asyncio.gather(first, blocker, later)
        assert [receipt.sends for receipt in receipts] == [2, 2, 1]


async def test_it_is_tried_so_often_and_no_more() -> None:
    async with stage() as played, Client(played.url, rate_limit_retries=2) as client:
        scene = await played.scene()
        (publishing,) = publish(client, 1)
        for _ in range(3):
            await limited(scene, await scene.receive())
        with pytest.raises(RefusedError):
            await publishing


async def test_without_a_time_it_is_refused_at_once() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        (publishing,) = publish(client, 1)
        await limited(scene, await scene.receive(), None)
        with pytest.raises(RefusedError):
            await publishing


async def test_a_refusal_outlasts_the_time_for_the_publish() -> None:
    async with stage() as played, Client(played.url, publish_timeout=2) as client:
        scene = await played.scene()
        (publishing,) = publish(client, 1)
        for _ in range(2):
            await limited(scene, await scene.receive(), 1.2)
        with pytest.raises(RefusedError, match="too many"):
            await publishing


@pytest.mark.parametrize("seconds", [21, 1e300])
async def test_what_could_not_be_taken_in_time_holds_nothing_up(seconds: float) -> None:
    async with stage() as played, Client(played.url, publish_timeout=20) as client:
        scene = await played.scene()
        (publishing,) = publish(client, 1)
        await limited(scene, await scene.receive(), seconds)
        with pytest.raises(RefusedError, match="too many"):
            await publishing
        (later,) = publish(client, 1)
        await scene.ack(await scene.receive())
        await later


async def test_what_is_not_known_to_be_in_order_does_not_outlive_the_connection() -> None:
    async with stage() as played, Client(played.url, backoff=FAST) as client:
        first = await played.scene()
        publishing = publish(client, 3)
        frames = [await first.receive() for _ in range(3)]
        await limited(first, frames[0], 20)
        await limited(first, frames[2], 20)
        await first.close(4003)
        second = await played.scene()
        again = [await second.receive() for _ in range(2)]
        assert again == frames[1:]
        for frame in again:
            await second.ack(frame)
        with pytest.raises(RefusedError):
            await publishing[0]
        assert [(await one).sends for one in publishing[1:]] == [2, 2]


async def test_a_direct_message_is_not_sent_again() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        sending = asyncio.create_task(client.send("c_9", 1))
        await limited(scene, await scene.receive())
        with pytest.raises(RefusedError):
            await sending


async def test_the_end_of_the_client_ends_what_waits() -> None:
    async with stage() as played, Client(played.url, backoff=FAST) as client:
        scene = await played.scene()
        (publishing,) = publish(client, 1)
        await limited(scene, await scene.receive(), 20)
        await scene.close(4101)
        with pytest.raises(ConnectionLostError):
            await publishing
