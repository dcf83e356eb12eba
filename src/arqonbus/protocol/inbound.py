"""What a client may send: one strict struct for each type, chosen by the tag `type`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from arqonbus.model.ids import ID_PATTERN

# The default of raw fields: msgspec has no optional Raw. Compare by identity.
ABSENT: Final = msgspec.Raw()

Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]
Version = Literal["1.0"]
Level = Literal["memory", "remote", "disk", "replicated"]


class Publish(
    msgspec.Struct, tag_field="type", tag="message", forbid_unknown_fields=True, gc=False
):
    """A message to a channel (`room` and `channel`) or to one client (`to`).

    `qos` 0 wants no receipt, 1 wants one; `require` is the least durability level that must be
    reached; `deliver_at` puts the delivery off to that time (RFC 3339 UTC). `id` is checked by the
    dispatcher, since the pattern would cost more than the decode.
    """

    payload: msgspec.Raw
    room: str = ""
    channel: str = ""
    id: str = ""
    qos: Literal[0, 1] = 1
    to: str = ""
    require: Level | None = None
    deliver_at: str = ""
    timestamp: str = ""
    metadata: msgspec.Raw = ABSENT
    request_id: Id | None = None
    version: Version = "1.0"


class CommandCall(
    msgspec.Struct, tag_field="type", tag="command", forbid_unknown_fields=True, kw_only=True
):
    """A command with its arguments; `args` are checked by the command's own struct."""

    command: str
    args: msgspec.Raw = ABSENT
    id: Id | None = None
    timestamp: str = ""
    metadata: msgspec.Raw = ABSENT
    version: Version = "1.0"


class DirectResponse(
    msgspec.Struct, tag_field="type", tag="response", forbid_unknown_fields=True, kw_only=True
):
    """A client's answer to a direct message it got: goes to the client named by `to`."""

    to: str
    request_id: Id
    payload: msgspec.Raw
    status: Literal["success", "error"] = "success"
    id: Id | None = None
    timestamp: str = ""
    metadata: msgspec.Raw = ABSENT
    version: Version = "1.0"


ClientFrame = Publish | CommandCall | DirectResponse

# Types of protocol 1.0 that this server version does not serve; they are refused by name.
RESERVED_TYPES = frozenset({"telemetry", "operator.join"})
CLIENT_TYPES = ("message", "command", "response")


class FrameHead(msgspec.Struct):
    """The little that is read of a refused frame, to answer it: never used to act on it."""

    type: object = None
    version: object = None
    id: object = None
    command: object = None
    sender: object = None
