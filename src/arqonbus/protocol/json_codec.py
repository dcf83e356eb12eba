"""``arqonbus.v1.json``: one JSON text a frame (RFC 8259), through msgspec."""

from __future__ import annotations

import msgspec

from arqonbus.errors import invalid
from arqonbus.protocol import SUBPROTOCOL_JSON
from arqonbus.protocol.codec import Args
from arqonbus.protocol.inbound import ABSENT, ClientFrame, FrameHead
from arqonbus.protocol.outbound import Outbound
from arqonbus.protocol.values import check_portable

_QUOTE = ord('"')


class JsonCodec:
    """Text frames; strict: unknown fields, wrong types and trailing data are errors."""

    subprotocol = SUBPROTOCOL_JSON
    binary = False

    def __init__(self) -> None:
        self.decode = msgspec.json.Decoder(ClientFrame).decode
        self.decode_head = msgspec.json.Decoder(FrameHead).decode
        self._encode = msgspec.json.Encoder().encode

    def payload_json(self, raw: msgspec.Raw) -> bytes:
        """See `Codec.payload_json`. A string needs no second look: the decoder checked its escapes
        and the WebSocket layer its UTF-8.
        """
        text = bytes(raw)
        if text[0] != _QUOTE:
            try:
                check_portable(msgspec.json.decode(text))
            except (msgspec.DecodeError, RecursionError) as error:
                raise invalid(f"payload: {error}") from error
        return text

    def args(self, raw: msgspec.Raw, kind: type[Args]) -> Args:
        """See `Codec.args`."""
        try:
            return msgspec.json.decode(b"{}" if raw is ABSENT else raw, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid(f"args: {error}") from error

    def encode(self, frame: Outbound) -> bytes:
        """See `Codec.encode`."""
        return self._encode(frame)

    def from_json(self, text: bytes) -> bytes:
        """See `Codec.from_json`."""
        return text
