"""``arqonbus.v1.msgpack``: one MessagePack object a frame, through msgspec.

Payloads are JSON values in both codecs: bin and ext types, NaN, infinities and keys that are no
strings are refused.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from arqonbus.errors import invalid
from arqonbus.protocol import SUBPROTOCOL_MSGPACK
from arqonbus.protocol.codec import Args
from arqonbus.protocol.inbound import ABSENT, ClientFrame, FrameHead
from arqonbus.protocol.outbound import Outbound
from arqonbus.protocol.values import MAX_DEPTH, check_portable
from arqonbus.protocol.wire import PAYLOAD_KEY


class MsgpackCodec:
    """Binary frames; as strict as JSON."""

    subprotocol = SUBPROTOCOL_MSGPACK
    binary = True

    def __init__(self, max_depth: int = MAX_DEPTH) -> None:
        self._max_depth = max_depth
        self._decode: Callable[[bytes], ClientFrame] = msgspec.msgpack.Decoder(ClientFrame).decode
        self._decode_head = msgspec.msgpack.Decoder(FrameHead).decode
        self._encode = msgspec.msgpack.Encoder().encode

    def decode(self, data: str | bytes) -> ClientFrame:
        """See `Codec.decode`."""
        return self._decode(_binary(data))

    def decode_head(self, data: str | bytes) -> FrameHead:
        """See `Codec.decode_head`."""
        return self._decode_head(_binary(data))

    def value_json(self, raw: msgspec.Raw) -> bytes:
        """See `Codec.value_json`."""
        try:
            return msgspec.json.encode(self.value(raw))
        except (UnicodeError, RecursionError) as error:
            raise invalid(f"payload: {error}") from error

    def value(self, raw: msgspec.Raw) -> object:
        """See `Codec.value`."""
        try:
            value: object = msgspec.msgpack.decode(raw)
            check_portable(value, self._max_depth)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise invalid(f"payload: {error}") from error
        return value

    def raw(self, value: object) -> msgspec.Raw:
        """See `Codec.raw`."""
        return msgspec.Raw(self._encode(value))

    def message_body(
        self, stamped: bytes, message_id: bytes, signed: bytes, payload: msgspec.Raw
    ) -> bytes:
        """See `Codec.message_body`."""
        return b"".join((stamped, message_id, signed, PAYLOAD_KEY, self.value_json(payload)))

    def args(self, raw: msgspec.Raw, kind: type[Args]) -> Args:
        """See `Codec.args`."""
        try:
            return msgspec.msgpack.decode(b"\x80" if raw is ABSENT else raw, type=kind)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise invalid(f"args: {error}") from error

    def encode(self, frame: Outbound) -> bytes:
        """See `Codec.encode`."""
        return self._encode(frame)

    def from_json(self, text: bytes) -> bytes:
        """See `Codec.from_json`."""
        return self._encode(msgspec.json.decode(text))


def _binary(data: str | bytes) -> bytes:
    if isinstance(data, str):
        raise msgspec.DecodeError("a MessagePack envelope comes in a binary frame")
    return data
