"""``arqonbus.v1.json``: one JSON text a frame (RFC 8259), through msgspec."""

from __future__ import annotations

import msgspec

from arqonbus.errors import invalid
from arqonbus.protocol import SUBPROTOCOL_JSON
from arqonbus.protocol.codec import Args
from arqonbus.protocol.inbound import ABSENT, ClientFrame, FrameHead
from arqonbus.protocol.outbound import Outbound
from arqonbus.protocol.values import MAX_DEPTH, check_portable, check_unique
from arqonbus.protocol.wire import PAYLOAD_KEY

_QUOTE = ord('"')


class JsonCodec:
    """Text frames; strict: unknown fields, wrong types and trailing data are errors."""

    subprotocol = SUBPROTOCOL_JSON
    binary = False

    def __init__(self, max_depth: int = MAX_DEPTH) -> None:
        self._max_depth = max_depth
        self.decode = msgspec.json.Decoder(ClientFrame).decode
        self.decode_head = msgspec.json.Decoder(FrameHead).decode
        self._encode = msgspec.json.Encoder().encode

    def value_json(self, raw: msgspec.Raw) -> bytes:
        """See `Codec.value_json`."""
        self.value(raw)
        return bytes(raw)

    def value(self, raw: msgspec.Raw) -> object:
        """See `Codec.value`."""
        try:
            value: object = msgspec.json.decode(raw)
            check_portable(value, self._max_depth)
            self._check_unique(bytes(raw), self._encode(value))
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid(f"payload: {error}") from error
        return value

    def raw(self, value: object) -> msgspec.Raw:
        """See `Codec.raw`."""
        return msgspec.Raw(self._encode(value))

    @staticmethod
    def _check_unique(text: bytes, written: bytes) -> None:
        """Look for a name that an object has twice, where the same value `written` by the bus does
        not show that there is none: as many colons are as many names, unless some are escaped.
        """
        if text == written or (b"\\" not in text and text.count(b":") == written.count(b":")):
            return
        check_unique(text)

    def message_body(
        self, stamped: bytes, message_id: bytes, signed: bytes, payload: msgspec.Raw
    ) -> bytes:
        """See `Codec.message_body`. A string needs no second look: the decoder checked its escapes
        and the WebSocket layer its UTF-8.
        """
        body = b"".join((stamped, message_id, signed, PAYLOAD_KEY, payload))
        if body[-1] != _QUOTE:
            self.value_json(payload)
        return body

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
