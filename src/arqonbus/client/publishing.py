"""Publishes and direct messages: sent, sent again, and what their receipts say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal

from arqonbus.client.errors import (
    ConnectionLostError,
    InvalidArgumentError,
    ProtocolViolationError,
    PublishTimeoutError,
)
from arqonbus.client.items import Receipt
from arqonbus.client.link import Course, Link
from arqonbus.model.ids import is_id
from arqonbus.protocol import outbound


class Publishing:
    """At most `max_inflight` messages wait for their receipts, each up to `timeout` seconds."""

    def __init__(self, link: Link, *, max_inflight: int, timeout: float) -> None:
        self._link = link
        self._inflight = asyncio.Semaphore(max_inflight)
        self._timeout = timeout

    async def send(
        self,
        fields: Mapping[str, object],
        payload: object,
        qos: Literal[0, 1],
        message_id: str | None,
        *,
        resend: bool = True,
    ) -> Receipt | None:
        """Send one message; None without qos. See `Client.publish` and `Client.send`."""
        chosen = self._link.new_id() if message_id is None else message_id
        if not is_id(chosen):
            raise InvalidArgumentError("id: 1–64 of A-Z a-z 0-9 _ . : - are allowed")
        frame: dict[str, object] = {n: v for n, v in fields.items() if v is not None}
        frame |= {"type": "message", "id": chosen, "qos": qos, "payload": payload}
        course = Course()
        lane = (str(frame.get("room", "")), str(frame.get("channel", "")))
        try:
            async with asyncio.timeout(self._timeout):
                if qos == 0:
                    await self._send_unreceipted(frame)
                    return None
                async with self._inflight:
                    if not resend:
                        await self._link.connected.wait()
                    answer = await self._link.ask(
                        chosen, frame, lane=lane if resend else None, course=course
                    )
        except TimeoutError:
            if course.refused is not None:  # it waits to be sent again: nothing is unknown
                raise course.refused from None
            raise PublishTimeoutError(chosen, sent=course.sends > 0) from None
        if not isinstance(answer, outbound.Ack):
            raise ProtocolViolationError("a publish was answered with a response")
        return _receipt(answer, course.sends)

    async def _send_unreceipted(self, frame: dict[str, object]) -> None:
        data = self._link.codec.encode(frame)
        await self._link.until_connected(None, "publish")
        connection = self._link.connection
        if connection is None:
            raise ConnectionLostError(1006, "the connection broke")
        connection.send(data)
        await connection.drain()


def _receipt(ack: outbound.Ack, sends: int) -> Receipt:
    return Receipt(
        id=ack.request_id,
        durability=ack.durability,
        room=ack.room,
        channel=ack.channel,
        epoch=ack.epoch,
        seq=ack.seq,
        deliver_at=ack.deliver_at,
        sends=sends,
    )
