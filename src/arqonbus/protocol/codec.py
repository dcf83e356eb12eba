"""What a codec does, and how a refused frame is diagnosed."""

from __future__ import annotations

from typing import Protocol, TypeVar

import msgspec

from arqonbus.errors import ArqonBusError, ErrorCode, invalid
from arqonbus.model.ids import is_id
from arqonbus.protocol import VERSION
from arqonbus.protocol.inbound import CLIENT_TYPES, RESERVED_TYPES, ClientFrame, FrameHead
from arqonbus.protocol.outbound import Outbound

Args = TypeVar("Args", bound=msgspec.Struct)


class Codec(Protocol):
    """One subprotocol's way between bytes and frames. Stateless as seen by a caller.

    `binary` tells which WebSocket opcode carries it.
    """

    subprotocol: str
    binary: bool

    def decode(self, data: str | bytes) -> ClientFrame:
        """One client frame.

        Raises:
            msgspec.DecodeError: it is no envelope; `diagnose` says which error to answer with.
            RecursionError: it is nested too deeply.
            UnicodeDecodeError: a string is not UTF-8.
        """
        ...

    def decode_head(self, data: str | bytes) -> FrameHead:
        """The readable head of a frame that `decode` refused; same errors."""
        ...

    def value_json(self, raw: msgspec.Raw) -> bytes:
        """A client's payload or metadata as JSON text, checked.

        Raises:
            ArqonBusError: VALIDATION_ERROR when it is not a JSON value that both codecs can carry.
        """
        ...

    def value(self, raw: msgspec.Raw) -> object:
        """A client's payload or metadata as the value it stands for; errors of `value_json`."""
        ...

    def raw(self, value: object) -> msgspec.Raw:
        """A JSON value as a client of this codec would have sent it."""
        ...

    def message_body(
        self, stamped: bytes, message_id: bytes, signed: bytes, payload: msgspec.Raw
    ) -> bytes:
        """The part of a message's JSON that is known when it is published; errors of `value_json`.

        `stamped` comes from `wire.stamp`, `signed` from `wire.signature`; the id holds no character
        that JSON escapes.
        """
        ...

    def args(self, raw: msgspec.Raw, kind: type[Args]) -> Args:
        """A command's arguments as its struct; ABSENT is an empty object.

        Raises:
            ArqonBusError: VALIDATION_ERROR that says which argument and why.
        """
        ...

    def encode(self, frame: Outbound) -> bytes:
        """One server frame's payload."""
        ...

    def from_json(self, text: bytes) -> bytes:
        """A server envelope in JSON, as this codec's payload."""
        ...


def diagnose(codec: Codec, data: str | bytes, error: Exception) -> tuple[ArqonBusError, str | None]:
    """The error to answer a refused frame with, and the request id if one could be read.

    `error` is what `decode` raised.
    """
    if isinstance(error, RecursionError):
        return invalid("nested too deeply"), None
    try:
        head = codec.decode_head(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as unreadable:
        return invalid(f"not an envelope: {unreadable}"), None
    request_id = head.id if isinstance(head.id, str) and is_id(head.id) else None
    return _explain(head, error), request_id


def _explain(head: FrameHead, error: Exception) -> ArqonBusError:
    if head.version not in (None, VERSION):
        return ArqonBusError(
            ErrorCode.UNSUPPORTED_VERSION, f"this server speaks version {VERSION} only"
        )
    if isinstance(head.type, str) and head.type in RESERVED_TYPES:
        return ArqonBusError(
            ErrorCode.UNKNOWN_TYPE, f"type {head.type!r} is reserved and not served by this version"
        )
    if not isinstance(head.type, str) or head.type not in CLIENT_TYPES:
        known = ", ".join(CLIENT_TYPES)
        return ArqonBusError(ErrorCode.UNKNOWN_TYPE, f"type must be one of {known}")
    if head.sender is not None:
        return invalid("sender is stamped by the server, leave it out")
    return invalid(str(error))
