"""Holds what clients send against the payload rules, before anything of it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.casil.inspection import Verdict
from arqonbus.protocol.inbound import ABSENT, DirectResponse, Publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    import msgspec

    from arqonbus.casil.inspector import Inspector
    from arqonbus.protocol.codec import Codec


class Screening:
    """The one place where messages meet the payload rules."""

    def __init__(self, inspector: Inspector | None = None) -> None:
        self._inspector = inspector

    @property
    def active(self) -> bool:
        """Whether there are any rules."""
        return self._inspector is not None and self._inspector.active

    def screen(
        self, codec: Codec, frame: Publish | DirectResponse, room: str = "", channel: str = ""
    ) -> bytes:
        """Leave of a frame what the rules allow; the receipt of that as JSON, or nothing.

        Room and channel are empty for a message to a client.

        Raises:
            ArqonBusError: POLICY_BLOCKED, or VALIDATION_ERROR for a payload that is no JSON value.
        """
        if self._inspector is None or not self._inspector.applies(room, channel):
            return b""
        parts = _parts(codec, frame, room, channel)
        found = self._inspector.inspect(room, channel, parts)
        if found is None:
            return b""
        if found.verdict is Verdict.BLOCK:
            told = not (found.found_in("room") or found.found_in("channel"))
            raise found.refusal(f"{room}:{channel}" if told else "an address")
        # What was looked at is what goes on: the sender's own text may hold more, such as a name
        # that is given twice (RFC 8259, 4), or digits that no double keeps.
        sent = {**parts, **found.parts}
        frame.payload = codec.raw(sent["payload"])
        if "metadata" in sent:
            frame.metadata = codec.raw(sent["metadata"])
        return found.receipt() if self._inspector.receipts else b""

    def screen_args(self, codec: Codec, args: msgspec.Raw, room: str, channel: str) -> None:
        """Hold a command's arguments against the rules: others see the names that are in them.

        Raises:
            ArqonBusError: POLICY_BLOCKED; an argument that would have to be redacted too.
        """
        if self._inspector is None or not self._inspector.applies(room, channel):
            return
        # The address too, so that the log does not tell one that is a find.
        parts = {"args": codec.value(args), "room": room, "channel": channel}
        found = self._inspector.inspect(room, channel, parts)
        if found is not None and found.verdict in {Verdict.REDACT, Verdict.BLOCK}:
            raise found.refusal("an argument")


def _parts(
    codec: Codec, frame: Publish | DirectResponse, room: str, channel: str
) -> Mapping[str, object]:
    """All of a frame that somebody else will see and that its sender chose."""
    parts: dict[str, object] = {"payload": codec.value(frame.payload)}
    if frame.metadata is not ABSENT:
        parts["metadata"] = codec.value(frame.metadata)
    texts = {
        "id": frame.id,
        "request_id": frame.request_id,
        "timestamp": frame.timestamp,
        "room": room,
        "channel": channel,
    }
    return parts | {name: text for name, text in texts.items() if text}
