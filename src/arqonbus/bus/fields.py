"""The parts of a message that its publisher chose, checked and as they are stored."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from arqonbus.errors import ArqonBusError, ErrorCode, invalid
from arqonbus.model.durability import Durability
from arqonbus.model.ids import is_id
from arqonbus.protocol import wire
from arqonbus.protocol.inbound import ABSENT, Publish

if TYPE_CHECKING:
    from arqonbus.protocol.codec import Codec


def checked_id(text: str) -> bytes:
    """A client's own message id, if it may be one.

    Raises:
        ArqonBusError: VALIDATION_ERROR.
    """
    if not is_id(text):
        raise invalid("id: 1–64 of A-Z a-z 0-9 _ . : - are allowed")
    return text.encode()


def own_fields(codec: Codec, frame: Publish, stamp: bytes, signature: bytes) -> tuple[bytes, bytes]:
    """A body's beginning and signature with the timestamp and metadata that a client gave.

    Raises:
        ArqonBusError: VALIDATION_ERROR.
    """
    if frame.timestamp:
        stamp = wire.stamp(check_timestamp(frame.timestamp))
    if frame.metadata is not ABSENT:
        signature = wire.with_metadata(signature, metadata_json(codec, frame.metadata))
    return stamp, signature


def check_durability(require: str, reached: Durability) -> None:
    """Refuse a demand that can't be met.

    Raises:
        ArqonBusError: DURABILITY_NOT_MET that names both levels.
    """
    if Durability.from_wire(require) > reached:
        raise ArqonBusError(
            ErrorCode.DURABILITY_NOT_MET,
            f"{require} was required, {reached.wire} is what can be reached",
        )


def check_timestamp(text: str) -> bytes:
    """A client's timestamp, if it is RFC 3339 in UTC.

    Raises:
        ArqonBusError: VALIDATION_ERROR.
    """
    moment(text, "timestamp")
    return text.encode()


def moment(text: str, field: str) -> datetime:
    """The time that a client wrote, RFC 3339 in UTC.

    Raises:
        ArqonBusError: VALIDATION_ERROR that names the field.
    """
    try:
        if not text.endswith("Z"):
            raise invalid(f"{field}: RFC 3339 in UTC, ending in Z")
        return msgspec.convert(text, type=datetime)
    except msgspec.ValidationError as error:
        raise invalid(f"{field}: {error}") from error


def metadata_json(codec: Codec, raw: msgspec.Raw) -> bytes:
    """A client's metadata as JSON text.

    Raises:
        ArqonBusError: VALIDATION_ERROR when it is not an object.
    """
    text = codec.value_json(raw)
    if not text.startswith(b"{"):
        raise invalid("metadata: must be an object")
    return text
