"""What all messages of one tick share: the time and the minting of ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arqonbus.bus.clock import rfc3339
from arqonbus.model.ids import MessageIds
from arqonbus.protocol import wire

if TYPE_CHECKING:
    from arqonbus.bus.clock import Clock


class Tick:
    """The present turn of the event loop.

    `micros` and `text` are its time, `stamp` is the beginning of a message's body with it.
    """

    def __init__(self, clock: Clock) -> None:
        self.now = clock
        self._ids = MessageIds()
        self.mint = self._ids.mint
        self.micros = 0
        self.text = self.stamp = b""
        self._second = -1
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
        self._ids.start_tick(micros // 1000)
