"""What all messages of one tick share: the time and the minting of ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.bus.clock import rfc3339
from arqonbus.model.ids import message_ids
from arqonbus.protocol import wire

if TYPE_CHECKING:
    from arqonbus.bus.clock import Clock


class Tick:
    """The present turn of the event loop.

    `micros` and `text` are its time, `stamp` is the beginning of a message's body with it.
    """

    def __init__(self, clock: Clock) -> None:
        self.now = clock
        self.mint = message_ids(0).__next__
        self.micros = 0
        self.text = self.stamp = b""
        self._second = self._millisecond = -1
        self._prefix = b""
        self.start()

    def start(self) -> None:
        """Read the clock; called once for each batch and each slow-path envelope."""
        self.micros = micros = self.now()
        second = micros // 1_000_000
        if second != self._second:
            self._second = second
            self._prefix = rfc3339(micros)[:20].encode()
        self.text = b"%b%06dZ" % (self._prefix, micros - second * 1_000_000)
        self.stamp = wire.stamp(self.text)
        if micros // 1000 != self._millisecond:
            self._millisecond = micros // 1000
            self.mint = message_ids(self._millisecond).__next__
