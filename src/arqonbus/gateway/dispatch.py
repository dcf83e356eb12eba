"""From a frame's type to what handles it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from arqonbus.bus.fields import check_durability, check_timestamp, checked_id, metadata_json
from arqonbus.errors import ArqonBusError, ErrorCode, LimitError, invalid, not_found
from arqonbus.model.action import Action
from arqonbus.model.durability import Durability
from arqonbus.protocol import VERSION, wire
from arqonbus.protocol.inbound import ABSENT, ClientFrame, CommandCall, DirectResponse, Publish
from arqonbus.protocol.outbound import Ack, Response
from arqonbus.telemetry.security import EventKind, SecurityEvent

if TYPE_CHECKING:
    from arqonbus.bus.bus import Bus
    from arqonbus.commands.context import Services
    from arqonbus.commands.registry import Registry
    from arqonbus.config.limits import HeartbeatSettings, LimitSettings
    from arqonbus.gateway.session import Session
    from arqonbus.gateway.throttle import Gate
    from arqonbus.telemetry.metrics import Metrics
    from arqonbus.telemetry.security import SecurityEvents

# Refusals that are kept for whoever asks later who tried what.
_REPORTED = frozenset(
    {
        ErrorCode.UNAUTHENTICATED,
        ErrorCode.FORBIDDEN,
        ErrorCode.RATE_LIMITED,
        ErrorCode.POLICY_BLOCKED,
    }
)


class Dispatcher:
    """Shared by all sessions: the bus, the commands and the greeting."""

    def __init__(  # noqa: PLR0913, PLR0917 - the whole wiring, done once in app.build
        self,
        bus: Bus,
        registry: Registry,
        services: Services,
        metrics: Metrics,
        events: SecurityEvents,
        limits: LimitSettings,
        heartbeat: HeartbeatSettings,
        gate: Gate,
    ) -> None:
        self.bus = bus
        self.hub = bus.hub
        self.guard = services.guard
        self._events = events
        self.tick = bus.tick
        self.publish = bus.publish
        self.metrics = metrics
        self.limits = limits
        self._registry = registry
        self._services = services
        self._heartbeat = heartbeat
        self.gate = gate

    def dispatch(self, session: Session, frame: ClientFrame) -> asyncio.Task[None] | None:
        """Handle a frame that is no channel publish; a task if it must wait for something.

        Raises:
            ArqonBusError: the frame is refused.
        """
        if isinstance(frame, CommandCall):
            if session.throttle is not None:
                session.throttle.take("commands")
            return asyncio.get_running_loop().create_task(self._command(session, frame))
        if isinstance(frame, Publish) and frame.deliver_at:
            self._later(session, frame)
        else:
            if session.throttle is not None:
                session.throttle.take("direct")
            self._direct(session, frame)
        return None

    def refused(self, session: Session, error: ArqonBusError) -> None:
        """Report a refusal that tells of somebody who tries what is not allowed."""
        if isinstance(error, LimitError):
            self.metrics.limited(error.limit)
        if error.code in _REPORTED:
            self._events.report(
                SecurityEvent(
                    EventKind.REFUSAL,
                    error.code.value,
                    tenant=session.principal.tenant,
                    subject=session.principal.subject,
                    client_id=session.client_id,
                    address=session.from_address,
                    target=error.about,
                )
            )

    def left(self, session: Session, channels: int) -> None:
        """A session has left so many channels without asking."""
        if channels:
            self._services.joined.give(session.principal, session.client_id, channels)

    def leave_groups(self, session: Session) -> None:
        """Take the session out of groups whose tasks it may not have any more."""
        groups = self._services.groups
        for group in groups.joined(session.client_id):
            if not session.may(Action.GROUP, group.channel.address):
                groups.leave(group, session.client_id)
                session.notice({"event": "access", **group.label, "left": True})

    def ended(self, client_id: str) -> None:
        """A session is over."""
        self.hub.leave(client_id)
        self._services.groups.gone(client_id)

    def _later(self, session: Session, frame: Publish) -> None:
        """Keep a message until its time; one that is due is published like any other."""
        if frame.to:
            raise invalid("deliver_at: a message to a client can't be put off")
        if not self._services.delayed.accept(session, session.codec, frame):
            frame.deliver_at = ""
            self.publish(session, session.codec, iter((frame,)))

    async def _command(self, session: Session, call: CommandCall) -> None:
        self.tick.start()
        request_id = call.id or self.tick.mint().decode()
        status = "error"
        try:
            command = self._registry.get(call.command)
            args = session.codec.args(call.args, command.args)
            where = command.where(args)
            if command.action is not None:
                session.check(command.action, *where)
            if self.bus.screening.active and not command.secret and call.args is not ABSENT:
                self.bus.screening.screen_args(session.codec, call.args, *where)
            reply = await command.run(self._services, session, args)
            self._answer(session, request_id, reply.payload)
            status = "success"
            if reply.then is not None:
                await reply.then()
        except ArqonBusError as error:
            session.refuse(error, request_id)
        except Exception:  # noqa: BLE001 - the task's edge: logged, counted, told as INTERNAL
            session.failed(request_id)
        finally:
            known = call.command if call.command in self._registry else "unknown"
            self.metrics.command(known, status)

    def _answer(self, session: Session, request_id: str, payload: object) -> None:
        self.tick.start()
        session.send(
            Response(
                version=VERSION,
                id=self.tick.mint().decode(),
                timestamp=self.tick.text.decode(),
                request_id=request_id,
                status="success",
                payload=payload,
            )
        )

    def _direct(self, session: Session, frame: Publish | DirectResponse) -> None:
        """Send to one client; the receipt says that its outbox took it."""
        self.tick.start()
        if isinstance(frame, Publish) and (frame.room or frame.channel):
            raise invalid("to: a message goes to a client or to a room and channel, not to both")
        if isinstance(frame, Publish) and frame.require is not None:
            check_durability(frame.require, Durability.MEMORY)
        session.check(Action.DIRECT)
        peer = self.hub.peers.get(frame.to)
        if peer is None or peer.principal.tenant != session.principal.tenant:
            raise not_found("to: no such client is connected")
        message_id = checked_id(frame.id) if frame.id else self.tick.mint()
        text = self._direct_json(session, frame, message_id)
        if not peer.send_json(text):
            raise ArqonBusError(
                ErrorCode.RATE_LIMITED, "to: the client can't take the message now", retryable=True
            )
        if isinstance(frame, Publish) and frame.qos:
            session.send(
                Ack(
                    version=VERSION,
                    id=self.tick.mint().decode(),
                    timestamp=self.tick.text.decode(),
                    request_id=message_id.decode(),
                    durability=Durability.MEMORY.wire,
                    to=frame.to,
                )
            )

    def _direct_json(
        self, session: Session, frame: Publish | DirectResponse, message_id: bytes
    ) -> bytes:
        codec = session.codec
        receipt = self.bus.screening.screen(codec, frame)
        timestamp = check_timestamp(frame.timestamp) if frame.timestamp else self.tick.text
        signed = session.signature
        if frame.metadata is not ABSENT:
            signed = wire.with_metadata(signed, metadata_json(codec, frame.metadata))
        if receipt:
            signed = wire.with_inspection(signed, receipt)
        body = codec.message_body(wire.stamp(timestamp), message_id, signed, frame.payload)
        head = b'"version":"1.0","to":"%b"' % frame.to.encode()
        if frame.request_id is not None:
            head += b',"request_id":"%b"' % frame.request_id.encode()
        if isinstance(frame, DirectResponse):
            return b'{"type":"response","status":"%b",%b,%b}' % (frame.status.encode(), head, body)
        return b'{"type":"message",%b,%b}' % (head, body)

    def welcome(self, session: Session) -> dict[str, object]:
        """What a peer is told first."""
        limits = self.limits
        return {
            "client_id": session.client_id,
            "session": session.client_id,
            "subject": session.principal.subject,
            "tenant": session.principal.tenant,
            "server": self._services.server,
            "protocol": VERSION,
            "subprotocol": session.codec.subprotocol,
            "durability": self.hub.durability.wire,
            "storage": self.bus.condition.news(),
            "heartbeat": {
                "interval": self._heartbeat.interval,
                "timeout": self._heartbeat.timeout,
                "idle_timeout": self._heartbeat.idle_timeout,
            },
            "limits": {
                "max_frame_bytes": limits.max_frame_bytes,
                "channels_per_connection": limits.channels_per_connection,
                "history_page": limits.history_page,
                "dedup_window": limits.dedup_window,
            },
            "capabilities": self._capabilities(),
        }

    def _capabilities(self) -> list[str]:
        optional = {
            "groups": self._services.groups.settings.enabled,
            "delayed": self._services.delayed.settings.enabled,
        }
        return ["publish", "direct", "history", "resume", *(n for n, on in optional.items() if on)]
