"""What the server sends, as structs: the server's slow paths encode them, clients decode them.

The fast paths (message, ack) are written by `protocol.wire`, byte for byte the same envelopes.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Outbound(msgspec.Struct, tag_field="type", omit_defaults=True, kw_only=True):
    """Fields that every envelope of the server has."""

    version: str
    id: str
    timestamp: str


class Inspection(msgspec.Struct, frozen=True):
    """What the payload rules made of a message: `inspected` of its `total` bytes of text were
    looked at, by the version `policy`; `verdict` is pass, note or redact.
    """

    policy: str
    inspected: int
    total: int
    verdict: str
    rules: list[str]


class Welcome(Outbound, tag="welcome"):
    """The first frame of a session; `payload` holds client id, session, server, limits, heartbeat,
    durability and capabilities.
    """

    payload: dict[str, Any]  # Any: a JSON object


class Message(Outbound, tag="message"):
    """A delivery: from a channel (with `seq`, `epoch`, `durability`) or direct (with `to`)."""

    sender: str
    payload: Any = None  # Any: a JSON value, `null` included
    room: str | None = None
    channel: str | None = None
    seq: int | None = None
    epoch: str | None = None
    durability: str | None = None
    to: str | None = None
    request_id: str | None = None
    metadata: dict[str, Any] | None = None  # Any: a JSON object
    inspection: Inspection | None = None


class Ack(Outbound, tag="ack"):
    """The receipt of a publish: the position and the level that was really reached. With
    `deliver_at` there is no position yet: the message is kept until then.
    """

    request_id: str
    durability: str
    room: str | None = None
    channel: str | None = None
    seq: int | None = None
    epoch: str | None = None
    to: str | None = None
    deliver_at: str | None = None


class Response(Outbound, tag="response"):
    """The answer to a command, or a client's direct response (then with `sender`)."""

    request_id: str
    status: Literal["success", "error"]
    payload: Any = None  # Any: a JSON value
    sender: str | None = None
    to: str | None = None
    metadata: dict[str, Any] | None = None  # Any: a JSON object
    inspection: Inspection | None = None


class Error(Outbound, tag="error"):
    """A refusal; `payload` holds ``retryable``."""

    error: str
    error_code: str
    status: Literal["error"]
    request_id: str | None = None
    payload: dict[str, Any] | None = None  # Any: a JSON object


class Gap(Outbound, tag="gap"):
    """Positions of a channel that this peer will not get; `payload` holds ``from_seq``,
    ``to_seq`` (both included) and ``reason``.
    """

    room: str
    channel: str
    epoch: str
    payload: dict[str, Any]  # Any: a JSON object


class Task(Outbound, tag="task"):
    """A message as a task for one worker of `group`: to be answered with group.ack or group.nack
    before `deadline`. `attempt` counts from 1.
    """

    room: str
    channel: str
    group: str
    seq: int
    epoch: str
    durability: str
    attempt: int
    deadline: str
    sender: str
    payload: Any = None  # Any: a JSON value, `null` included
    metadata: dict[str, Any] | None = None  # Any: a JSON object
    inspection: Inspection | None = None


class Notice(Outbound, tag="notice"):
    """News of the server's own state; `payload` holds ``event`` and its data."""

    payload: dict[str, Any]  # Any: a JSON object


ServerFrame = Welcome | Message | Ack | Response | Error | Gap | Task | Notice
