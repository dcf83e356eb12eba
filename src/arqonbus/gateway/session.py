"""One peer's session: its frames in order, its subscriptions, its replies."""

from __future__ import annotations

import asyncio
import sys
from operator import length_hint
from typing import TYPE_CHECKING

import msgspec
import structlog

from arqonbus.errors import ArqonBusError, LimitError
from arqonbus.gateway.member import Member
from arqonbus.gateway.replies import error_frame, internal
from arqonbus.model.action import Action
from arqonbus.protocol import VERSION, wire
from arqonbus.protocol.close import CloseCode
from arqonbus.protocol.codec import diagnose
from arqonbus.protocol.outbound import Gap, Notice, Outbound, Welcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from arqonbus.gateway.dispatch import Dispatcher
    from arqonbus.gateway.outgoing import Connection
    from arqonbus.gateway.throttle import Throttle
    from arqonbus.model.principal import Principal
    from arqonbus.protocol.codec import Codec
    from arqonbus.routing.hub import Channel
    from arqonbus.telemetry.ledger import Account

# Frames that may wait while a command is under way before the socket is no longer read.
_BACKLOG = 64
# Frames that are refused at once for a rate, and how many taken ones each costs.
_REFUSALS = 16
_REFUSAL_COST = 8

log = structlog.get_logger(__name__)


class Session(Member):
    """A `Peer` of the bus. Frames are taken strictly in order: while a command that waits for the
    store is under way, the frames behind it wait too.
    """

    def __init__(
        self,
        client_id: str,
        principal: Principal,
        codec: Codec,
        connection: Connection,
        dispatcher: Dispatcher,
    ) -> None:
        super().__init__(principal, dispatcher.guard, dispatcher.hub)
        self.client_id = client_id
        self.signature = wire.signature(client_id.encode())
        self.codec = codec
        self.connection = connection
        self.joined: dict[Channel, None] = {}
        self._dispatcher = dispatcher
        self._publish = dispatcher.publish
        self._wake = dispatcher.bus.wake
        self._decode = codec.decode
        self._violations = 0
        self._task: asyncio.Task[None] | None = None
        self._inbox: list[str | bytes] = []
        self._taking: list[str | bytes] = []
        self._held = False
        self._then: Callable[[], None] | None = None
        self._pauses = 0
        self.throttle: Throttle | None = None

    @property
    def from_address(self) -> str:
        """Where the client is."""
        return self.connection.address

    def start(self) -> None:
        """Register and greet."""
        self.throttle = self._dispatcher.gate.throttle(self)
        if self.throttle is not None:
            self.throttle.begin()
        self._dispatcher.hub.enter(self)
        frame_id, timestamp = self._stamps()
        payload = self._dispatcher.welcome(self)
        self.send(Welcome(version=VERSION, id=frame_id, timestamp=timestamp, payload=payload))

    def receive(self, data: str | bytes) -> None:
        """Take one frame's payload; it is worked on at the end of this turn of the event loop."""
        inbox = self._inbox
        if not inbox and self._task is None:
            self._wake(self)
        inbox.append(data)
        if self._task is not None and len(inbox) >= _BACKLOG:
            self._hold()

    def _hold(self) -> None:
        """Read no more until all frames that wait are taken."""
        if not self._held:
            self._held = True
            self.pause_reading()

    def work(self, most: int = sys.maxsize) -> int:
        """See `Peer.work`: the frames in order, until a command makes those behind it wait."""
        if self._task is not None or (self.throttle is not None and self.throttle.waiting):
            return 0
        if self._held:
            self.connection.excuse_ping()
        if len(self._inbox) <= most:
            self._taking, self._inbox = self._inbox, []
            return self._work()
        self._hold()
        # In place: what is left may be many thousands, turn after turn.
        self._taking = self._inbox[:most]
        del self._inbox[:most]
        taken = self._work() if self._taking else 0
        if self._task is None:
            self.wake()
        return taken

    def wake(self) -> None:
        """Go on with the frames that wait, or with what is to be done once none do."""
        if self._inbox or self._then is not None:
            self._wake(self)

    def _work(self) -> int:
        excess = [] if self.throttle is None else self.throttle.cut(self._taking)
        todo = iter(self._taking)
        frames = map(self._decode, todo)
        while self._task is None:
            try:
                frame = self._publish(self, self.codec, frames)
                if frame is None:
                    break
                self._task = self._dispatcher.dispatch(self, frame)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                self._violation(*diagnose(self.codec, self._last_taken(todo), error))
            except ArqonBusError as error:
                self._refused(error, self._last_id(todo))
            except Exception:  # noqa: BLE001 - the session's edge: logged, counted, told as INTERNAL
                self.failed(self._last_id(todo))
        if self._task is not None:
            self._task.add_done_callback(self._task_done)
        taken = len(self._taking) - length_hint(todo)
        if self.throttle is not None:
            self.throttle.charge(taken)
        self._inbox[:0] = todo
        if excess and self.throttle is not None:
            taken += self._exceeded(self.throttle, excess, taken)
        if not self._inbox:
            self._all_taken()
        return taken

    def _exceeded(self, throttle: Throttle, excess: list[str | bytes], taken: int) -> int:
        """Refuse what is over a rate: what that cost. What a command makes wait may fit by then,
        and so may what is behind a good number of refusals.
        """
        refused = [] if self._task is not None else excess[:_REFUSALS]
        at = len(self._taking) - taken
        self._inbox[at:at] = excess[len(refused) :]
        if refused:
            error = throttle.over(refused)
            for data in refused:
                self._refuse_unread(error, data)
            throttle.refused(len(refused), error.retry_after or 0.0)
        return len(refused) * _REFUSAL_COST

    def _refused(self, error: ArqonBusError, request_id: str | None) -> None:
        self.refuse(error, request_id)
        # Only a rate says when it may be tried again.
        if self.throttle is not None and isinstance(error, LimitError) and error.retry_after:
            self.throttle.refused(1, error.retry_after)

    def _refuse_unread(self, error: ArqonBusError, data: str | bytes) -> None:
        try:
            self.refuse(error, self._decode(data).id or None)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
            self._violation(*diagnose(self.codec, data, broken))

    def _last_taken(self, todo: Iterator[str | bytes]) -> str | bytes:
        return self._taking[-1 - length_hint(todo)]

    def _last_id(self, todo: Iterator[str | bytes]) -> str | None:
        """The id in the frame taken last; None when that very frame closed the connection."""
        return (self._decode(self._last_taken(todo)).id or None) if self._taking else None

    def finish(self, then: Callable[[], None]) -> None:
        """Call `then` once all frames received so far are taken; no more may be received."""
        self._then = then
        self.work()

    def discard(self) -> None:
        """Take none of the frames that wait."""
        self._inbox.clear()
        self._taking.clear()

    def _all_taken(self) -> None:
        if self._held:
            self._held = False
            self.resume_reading()
        if self._task is None and self._then is not None:
            then, self._then = self._then, None
            then()

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled():
            task.result()
        self.wake()

    def _violation(self, error: ArqonBusError, request_id: str | None) -> None:
        self._violations += 1
        self._dispatcher.metrics.protocol_error(error.code.value)
        self.refuse(error, request_id)
        if self._violations >= self._dispatcher.limits.violations_before_close:
            self.close(CloseCode.POLICY_VIOLATION)

    def failed(self, request_id: str | None) -> None:
        """Log and count the exception being handled; tell the peer no detail of it."""
        log.error("a frame failed", client_id=self.client_id, exc_info=True)  # noqa: LOG014 - called in handlers
        self._dispatcher.metrics.internal_error("session")
        self.refuse(internal(), request_id)

    def _stamps(self) -> tuple[str, str]:
        tick = self._dispatcher.tick
        tick.start()
        return tick.mint().decode(), tick.text.decode()

    def send(self, frame: Outbound) -> bool:
        """Queue one envelope."""
        payload = self.codec.encode(frame)
        return self.connection.send(wire.server_frame(payload, binary=self.codec.binary))

    def send_json(self, text: bytes) -> bool:
        """See `Peer.send_json`."""
        return self.connection.send(
            wire.server_frame(self.codec.from_json(text), binary=self.codec.binary)
        )

    def has_room(self) -> bool:
        """Whether the outbox can take more at leisure."""
        return self.connection.has_room()

    def account(self) -> Account:
        """See `Peer.account`."""
        return self.connection.account()

    def receipts(self, texts: Sequence[bytes]) -> None:
        """See `Peer.receipts`."""
        codec = self.codec
        self.connection.send(
            b"".join(
                [wire.server_frame(codec.from_json(text), binary=codec.binary) for text in texts]
            )
        )

    def refuse(self, error: ArqonBusError, request_id: str | None) -> None:
        """See `Peer.refuse`."""
        self._dispatcher.refused(self, error)
        frame_id, timestamp = self._stamps()
        self.send(error_frame(error, request_id, frame_id=frame_id, timestamp=timestamp))

    def notice(self, payload: dict[str, object]) -> None:
        """Tell news of the server."""
        frame_id, timestamp = self._stamps()
        self.send(Notice(version=VERSION, id=frame_id, timestamp=timestamp, payload=payload))

    def gap_frame(self, channel: Channel, epoch: str, first: int, last: int, reason: str) -> bytes:
        """The frame that names positions of an epoch which this peer will not get."""
        frame_id, timestamp = self._stamps()
        gap = Gap(
            version=VERSION,
            id=frame_id,
            timestamp=timestamp,
            room=channel.address.name,
            channel=channel.address.channel,
            epoch=epoch,
            payload={"from_seq": first, "to_seq": last, "reason": reason},
        )
        return wire.server_frame(self.codec.encode(gap), binary=self.codec.binary)

    def pause_reading(self) -> None:
        """See `Peer.pause_reading`; two reasons may hold at once."""
        self._pauses += 1
        self.connection.pause_reading()

    def resume_reading(self) -> None:
        """See `Peer.resume_reading`."""
        self._pauses -= 1
        self.connection.excuse_ping()
        if self._pauses == 0:
            self.connection.resume_reading()

    def become(self, principal: Principal) -> None:
        """See `Caller.become`."""
        super().become(principal)
        self._leave_forbidden()

    def _leave_forbidden(self) -> None:
        """Leave what may not be had any more, and say so."""
        for channel in tuple(self.joined):
            if not self.may(Action.SUBSCRIBE, channel.address):
                channel.remove(self.connection)
                del self.joined[channel]
                self._dispatcher.left(self, 1)
                room, name = channel.address.name, channel.address.channel
                self.notice({"event": "access", "room": room, "channel": name, "left": True})
        self._dispatcher.leave_groups(self)

    def close(self, code: CloseCode) -> None:
        """Ask the peer to leave."""
        self.connection.close(code)

    def ended(self) -> None:
        """The connection is gone: leave everything."""
        self.discard()
        self._then = None
        if self._task is not None:
            self._task.cancel()
        for channel in self.joined:
            channel.remove(self.connection)
        self._dispatcher.left(self, len(self.joined))
        self.joined.clear()
        if self.throttle is not None:
            self.throttle.end()
            self.throttle = None
        self._dispatcher.ended(self.client_id)
