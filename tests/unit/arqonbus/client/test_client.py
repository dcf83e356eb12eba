"""The client against a server played by hand."""

from __future__ import annotations

import asyncio

import pytest
from support.script import Scene, stage

from arqonbus.client import (
    Backoff,
    Client,
    ClientClosedError,
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    InvalidArgumentError,
    Message,
    Position,
    ProtocolViolationError,
    PublishTimeoutError,
    RefusedError,
    StreamBrokenError,
)

FAST = Backoff(first=0.001, limit=0.01)


async def test_a_publish_is_sent_again_under_its_id_until_its_receipt() -> None:
    async with stage() as played, asyncio.TaskGroup() as group:

        async def play() -> None:
            first = await played.scene()
            published = await first.receive()
            await first.close(4000)
            second = await played.scene()
            again = await second.receive()
            assert again == published
            await second.ack(again, seq=9)

        group.create_task(play())
        async with Client(played.url, backoff=FAST) as client:
            receipt = await client.publish("r", "c", "x", id="mine")
    assert (receipt.id, receipt.seq, receipt.sends) == ("mine", 9, 2)


async def test_publishes_are_sent_again_in_their_order() -> None:
    async with stage() as played, asyncio.TaskGroup() as group:

        async def play() -> None:
            first = await played.scene()
            sent = [(await first.receive())["payload"] for _ in range(3)]
            await first.close(4001)
            second = await played.scene()
            frames = [await second.receive() for _ in range(3)]
            assert [frame["payload"] for frame in frames] == sent == [0, 1, 2]
            for frame in frames:
                await second.ack(frame)

        group.create_task(play())
        async with Client(played.url, backoff=FAST) as client:
            await asyncio.gather(*(client.publish("r", "c", n) for n in range(3)))


async def test_a_subscription_resumes_behind_the_last_message_that_arrived() -> None:
    async with stage() as played, asyncio.TaskGroup() as group:

        async def play() -> None:
            first = await played.scene()
            assert "since" not in await first.joined(seq=4)
            await first.message(5)
            await first.close(4000)
            second = await played.scene()
            args = await second.joined(seq=7, first_seq=1, recovered="complete")
            assert args["since"] == {"epoch": "e1", "seq": 5}
            await second.message(6)
            await second.message(7)

        group.create_task(play())
        async with Client(played.url, backoff=FAST) as client:
            subscription = await client.subscribe("r", "c")
            seen = [await anext(subscription) for _ in range(3)]
    assert [item.seq for item in seen if isinstance(item, Message)] == [5, 6, 7]
    assert subscription.position == Position("e1", 7)


@pytest.mark.parametrize("code", [4100, 4199, 1008])
async def test_it_does_not_come_back_from_a_final_close(code: int) -> None:
    async with stage() as played, Client(played.url, backoff=FAST) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.subscribe("r", "c"))
        await scene.joined()
        subscription = await joining
        await scene.close(code)
        with pytest.raises(ConnectionLostError) as lost:
            await anext(subscription)
        assert lost.value.code == code
        with pytest.raises(ConnectionLostError):
            await client.publish("r", "c", 1)


async def test_it_does_not_come_back_when_told_not_to() -> None:
    async with stage() as played, Client(played.url, reconnect=False) as client:
        scene = await played.scene()
        publishing = asyncio.create_task(client.publish("r", "c", 1))
        await scene.receive()
        await scene.close(4000)
        with pytest.raises(ConnectionLostError):
            await publishing


async def test_a_command_fails_with_its_connection_and_is_not_repeated() -> None:
    async with stage() as played, Client(played.url, backoff=FAST) as client:
        scene = await played.scene()
        asking = asyncio.create_task(client.command("delete_channel", room="r", channel="c"))
        await scene.receive()
        await scene.close(4000)
        with pytest.raises(ConnectionLostError):
            await asking
        await played.scene()


async def test_a_response_of_another_client_is_no_answer() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        asking = asyncio.create_task(client.command("status"))
        call = await scene.receive()
        answer = {"request_id": call["id"], "status": "success"}
        await scene.send("response", **answer, sender="c_evil", to="c_1", payload="forged")
        await scene.send("response", **answer, payload="true")
        assert await asking == "true"


async def test_a_hole_ends_the_subscription_alone() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.subscribe("r", "c"))
        await scene.joined()
        subscription = await joining
        await scene.message(2)
        with pytest.raises(StreamBrokenError):
            await anext(subscription)
        publishing = asyncio.create_task(client.publish("r", "c", 1))
        await scene.ack(await scene.receive())
        assert (await publishing).seq == 1


async def test_a_timeout_says_whether_the_message_was_sent() -> None:
    async with stage() as played, Client(played.url, publish_timeout=0.05) as client:
        await played.scene()
        with pytest.raises(PublishTimeoutError) as timeout:
            await client.publish("r", "c", 1, id="m")
    assert (timeout.value.message_id, timeout.value.sent) == ("m", True)


async def test_a_refusal_while_draining_waits_for_the_next_connection() -> None:
    async with stage() as played, asyncio.TaskGroup() as group:

        async def play() -> None:
            first = await played.scene()
            await first.send("notice", payload={"event": "draining"})
            await refuse(first, retryable=True)
            await first.close(4000)
            second = await played.scene()
            await second.ack(await second.receive())

        group.create_task(play())
        async with Client(played.url, backoff=FAST) as client:
            assert (await client.publish("r", "c", 1)).sends == 2


async def refuse(scene: Scene, *, retryable: bool) -> None:
    frame = await scene.receive()
    await scene.send(
        "error",
        request_id=frame["id"],
        status="error",
        error="not now",
        error_code="STORAGE_UNAVAILABLE",
        payload={"retryable": retryable},
    )


async def test_a_refusal_is_raised_with_its_hint() -> None:
    async with stage() as played, Client(played.url) as client:
        scene = await played.scene()
        publishing = asyncio.create_task(client.publish("r", "c", 1))
        await refuse(scene, retryable=True)
        with pytest.raises(RefusedError) as error:
            await publishing
    assert (error.value.code, error.value.retryable) == ("STORAGE_UNAVAILABLE", True)


@pytest.mark.parametrize("text", ["{", '{"type":"nonsense"}', "[]", '{"type":"gap"}'])
async def test_an_unreadable_frame_stops_the_client(text: str) -> None:
    async with stage() as played, Client(played.url, backoff=FAST) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.subscribe("r", "c"))
        await scene.joined()
        subscription = await joining
        await scene.socket.send(text)
        with pytest.raises(ProtocolViolationError):
            await anext(subscription)


async def test_closing_stops_iterators_and_fails_what_waits() -> None:
    async with stage() as played:
        client = Client(played.url)
        async with client:
            scene = await played.scene()
            joining = asyncio.create_task(client.subscribe("r", "c"))
            await scene.joined()
            subscription = await joining
            publishing = asyncio.create_task(client.publish("r", "c", 1))
            await scene.receive()
        with pytest.raises(ClientClosedError):
            await publishing
        assert [item async for item in subscription] == []
        with pytest.raises(ClientError):
            await client.publish("r", "c", 1)


async def test_nobody_there_is_a_clear_error() -> None:
    async with stage() as played:
        url = played.url
    with pytest.raises(ConnectFailedError, match="127"):
        async with Client(url):
            pass


async def test_reading_pauses_while_a_queue_is_full_and_nothing_is_lost() -> None:
    async with stage() as played, Client(played.url, queue_size=4) as client:
        scene = await played.scene()
        joining = asyncio.create_task(client.subscribe("r", "c"))
        await scene.joined()
        subscription = await joining

        async def feed() -> None:
            for seq in range(1, 501):
                await scene.message(seq)

        feeding = asyncio.create_task(feed())
        seen = [await anext(subscription) for _ in range(500)]
        await feeding
    assert [item.seq for item in seen if isinstance(item, Message)] == list(range(1, 501))


@pytest.mark.parametrize(
    "payload", [float("nan"), float("inf"), b"x", {1: "a"}, 2**64, {"a": (1,)}, object()]
)
async def test_what_is_no_json_is_not_sent(payload: object) -> None:
    async with stage() as played, Client(played.url) as client:
        await played.scene()
        with pytest.raises(InvalidArgumentError):
            await client.publish("r", "c", payload)
