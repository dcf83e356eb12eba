"""The client's side of both subprotocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import msgspec

from arqonbus.client.errors import InvalidArgumentError, ProtocolViolationError
from arqonbus.errors import ArqonBusError
from arqonbus.protocol import SUBPROTOCOL_JSON, SUBPROTOCOL_MSGPACK
from arqonbus.protocol.outbound import ServerFrame
from arqonbus.protocol.values import check_portable

CodecName = Literal["json", "msgpack"]
Kind = TypeVar("Kind")


class ClientCodec:
    """Encodes requests, decodes server frames."""

    def __init__(self, name: CodecName) -> None:
        if name not in ("json", "msgpack"):
            raise InvalidArgumentError(f"codec must be json or msgpack, not {name!r}")
        self.binary = name == "msgpack"
        self.subprotocol = SUBPROTOCOL_MSGPACK if self.binary else SUBPROTOCOL_JSON
        self._encode: Callable[[object], bytes] = (
            msgspec.msgpack.encode if self.binary else msgspec.json.encode
        )
        self._decode: Callable[[bytes], ServerFrame] = (
            msgspec.msgpack.Decoder(ServerFrame).decode
            if self.binary
            else msgspec.json.Decoder(ServerFrame).decode
        )

    def encode(self, frame: Mapping[str, object]) -> bytes:
        """One client frame.

        Raises:
            InvalidArgumentError: it holds a value that is no JSON, which an encoder would change
                in silence (NaN becomes null).
        """
        try:
            check_portable(frame)
            return self._encode(frame)
        except ArqonBusError as error:
            raise InvalidArgumentError(error.message) from error
        except (RecursionError, UnicodeEncodeError, TypeError) as error:
            raise InvalidArgumentError(f"not a JSON value: {error}") from error

    def decode(self, data: bytes) -> ServerFrame:
        """One server frame.

        Raises:
            ProtocolViolationError: it is none of protocol 1.0.
        """
        try:
            return self._decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ProtocolViolationError(f"unreadable frame: {error}") from error


def read(value: object, kind: type[Kind]) -> Kind:
    """A response's payload as the struct it must be.

    Raises:
        ProtocolViolationError: it is something else.
    """
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        raise ProtocolViolationError(f"unexpected answer: {error}") from error
